"""Where each account is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from tap_analytics.fleet.account_states import AccountState, AccountStates
from tap_analytics.fleet.errors import FleetError

if TYPE_CHECKING:
    from tap_analytics.fleet.places import Place

DIGITS = b'{"n":12345678901234567890.12300}'


def state() -> AccountState:
    return AccountState(run="night", began_ms=1, state=msgspec.Raw(DIGITS))


def test_a_state_is_read_as_it_was_written(place: Place) -> None:
    states = AccountStates(place)
    states.write("acme", state())
    found = states.read("acme")
    assert found is not None
    assert (found.run, found.began_ms, bytes(found.state)) == ("night", 1, DIGITS)


def test_an_account_that_was_never_loaded_has_no_state(folder: Place) -> None:
    assert AccountStates(folder).read("acme") is None


def test_a_forgotten_account_has_no_state(folder: Place) -> None:
    states = AccountStates(folder)
    states.write("acme", state())
    states.write("beta", state())
    states.forget("acme")
    assert states.read("acme") is None
    assert states.read("beta") is not None


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b'{"run":"x","began_ms":1,"state":{},"format":2}'],
)
def test_a_state_that_can_not_be_read_is_told(folder: Place, content: bytes) -> None:
    folder.write("accounts/acme.json", content)
    with pytest.raises(
        FleetError, match=r"The state accounts/acme\.json can't be read"
    ):
        AccountStates(folder).read("acme")
