"""Which accounts are loaded together."""

from __future__ import annotations

import pytest

from tap_analytics.fleet.packages import (
    PACKAGE_ACCOUNTS,
    PACKAGE_BYTES,
    PACKAGE_ROWS,
    Size,
    fill_one,
    first_package,
)

THIRDS = [
    Size(PACKAGE_ROWS // 3),
    Size(1, PACKAGE_BYTES // 3),
]


@pytest.mark.parametrize("size", THIRDS)
def test_a_package_holds_so_many_rows_or_bytes(size: Size) -> None:
    waiting = dict.fromkeys(["a", "b", "c", "d"], size)
    assert first_package(waiting) == ["a", "b", "c"]
    assert fill_one(waiting.values())
    assert not fill_one([size] * 2)


def test_a_package_holds_so_many_accounts() -> None:
    waiting = {f"a{number}": Size(0) for number in range(PACKAGE_ACCOUNTS + 1)}
    assert first_package(waiting) == list(waiting)[:-1]
    assert fill_one(list(waiting.values())[:-1])
    assert not fill_one(list(waiting.values())[:-2])


@pytest.mark.parametrize("large", [Size(2 * PACKAGE_ROWS), Size(1, 2 * PACKAGE_BYTES)])
def test_an_account_that_is_larger_is_a_package_of_its_own(large: Size) -> None:
    assert first_package({"a": large, "b": Size(1)}) == ["a"]
    assert first_package({"b": Size(1), "a": large}) == ["b"]
