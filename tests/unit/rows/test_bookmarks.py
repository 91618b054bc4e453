"""Bookmarks of reads that go on."""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import msgspec

from tap_analytics.rows.bookmarks import KEY, VALUE, Bookmark
from tap_analytics.rows.replication_keys import NumberOrder

BEGAN = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)


def seen(bookmark: Bookmark, value: object) -> None:
    bookmark.passes({bookmark.key: msgspec.Raw(msgspec.json.encode(value))}, None)


def promoted(bookmark: Bookmark) -> Any:
    state: dict[str, Any] = {}
    bookmark.promote(state)
    return state.get(VALUE)


def test_a_bookmark_knows_the_highest_value_of_the_earlier_part() -> None:
    bookmark = Bookmark({}, "createdAt", BEGAN)
    bookmark.go_on("2026-01-30T00:00:00Z")
    seen(bookmark, "2026-01-02T00:00:00Z")
    assert promoted(bookmark).startswith("2026-01-30")


def test_a_bookmark_ends_where_the_first_part_began() -> None:
    bookmark = Bookmark({}, "createdAt", BEGAN)
    bookmark.go_on("2026-01-01T00:00:00Z")
    seen(bookmark, "2026-01-31T14:00:00Z")
    assert promoted(bookmark).startswith("2026-01-31T12:00:00")


def test_a_bookmark_of_numbers_ends_where_the_earlier_part_did() -> None:
    bookmark = Bookmark({}, "number", BEGAN, NumberOrder())
    bookmark.go_on(Decimal("1.5"))
    seen(bookmark, 9)
    assert promoted(bookmark) == Decimal("1.5")


def test_a_bookmark_of_numbers_stays_if_the_earlier_part_had_none() -> None:
    bookmark = Bookmark({KEY: "number", VALUE: 3}, "number", BEGAN, NumberOrder())
    bookmark.go_on(None)
    seen(bookmark, 9)
    assert promoted(bookmark) == 3
