"""Parts of a fleet."""

from __future__ import annotations

import pytest

from tap_analytics.fleet.errors import UsageError
from tap_analytics.fleet.shards import Shard


def test_each_account_is_in_one_shard() -> None:
    shards = [Shard.parsed(f"{number}/16") for number in range(1, 17)]
    sizes = dict.fromkeys(map(str, shards), 0)
    for number in range(1600):
        (home,) = (shard for shard in shards if shard.has(f"account-{number}"))
        sizes[str(home)] += 1
    assert min(sizes.values()) > 60
    assert max(sizes.values()) < 150


def test_where_an_account_is_does_not_change_from_version_to_version() -> None:
    assert [n for n in range(1, 17) if Shard(n, 16).has("acme")] == [1]


@pytest.mark.parametrize("text", ["0/16", "17/16", "1", "1/0", "-1/2", "a/b", "1/2/3"])
def test_what_is_no_shard_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not a shard: of sixteen shards, 1/16"):
        Shard.parsed(text)
