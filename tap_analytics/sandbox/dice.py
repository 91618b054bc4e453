"""Random numbers that are the same in every version of Python."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")


class Dice:
    """Random numbers that are the same in every version of Python.

    Args:
        seed: Anything that has a `str`.
    """

    def __init__(self, *seed: object) -> None:
        # Of random.Random only random() promises to stay as it is.
        self.roll = random.Random("/".join(map(str, seed))).random  # noqa: S311 - made-up data

    def below(self, limit: int) -> int:
        """Rolls an integer from 0, below `limit`."""
        return int(self.roll() * limit)

    def pick(self, values: Sequence[T]) -> T:
        """Picks one of the values."""
        return values[int(self.roll() * len(values))]

    def some(self, values: Sequence[T], most: int) -> list[T]:
        """Picks up to `most` different values that follow each other."""
        if not values:
            return []
        start, count = self.below(len(values)), self.below(most + 1)
        return [*values[start:], *values[:start]][:count]

    def chance(self, chance: float) -> bool:
        """Says yes with this chance."""
        return self.roll() < chance

    def maybe(self, chance: float, value: T) -> T | None:
        """Keeps the value with this chance, else makes it null."""
        return value if self.chance(chance) else None
