"""Whose each key is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tap_analytics.fleet.key_owners import KeyOwners, digest_of_key

if TYPE_CHECKING:
    from tap_analytics.fleet.places import Place


@pytest.fixture
def owners(place: Place) -> KeyOwners:
    return KeyOwners(place)


def test_a_key_is_the_account_s_that_had_it_first(owners: KeyOwners) -> None:
    assert owners.owner("1", "acme") == "acme"
    assert owners.owner("1", "copy") == "acme"
    assert owners.owner("1", "acme") == "acme"
    assert owners.owner("2", "copy") == "copy"


def test_an_account_may_have_one_key_after_another(owners: KeyOwners) -> None:
    assert owners.owner("1", "acme") == "acme"
    assert owners.owner("2", "acme") == "acme"


def test_the_keys_of_an_account_that_is_forgotten_are_free(owners: KeyOwners) -> None:
    for digest, account in (("1", "acme"), ("2", "acme"), ("3", "bolt")):
        owners.owner(digest, account)
    owners.forget("acme")
    assert owners.owner("1", "new") == owners.owner("2", "new") == "new"
    assert owners.owner("3", "new") == "bolt"


def test_a_key_that_the_api_refused_at_once_is_nobody_s(owners: KeyOwners) -> None:
    owners.owner("1", "acme")
    owners.release("1")
    assert owners.owner("1", "bolt") == "bolt"


def test_a_key_that_is_refused_later_stays_the_account_s(
    owners: KeyOwners, place: Place
) -> None:
    owners.owner("1", "acme")
    another_night = KeyOwners(place)
    another_night.owner("1", "acme")
    another_night.release("1")
    assert another_night.owner("1", "bolt") == "acme"


def test_a_digest_depends_on_the_salt_and_the_key() -> None:
    found = {digest_of_key(key, salt) for key in "ab" for salt in ("00", "01")}
    assert len(found) == 4
