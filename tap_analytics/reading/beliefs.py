"""Which lists of a stream to look at again, since their end was only believed."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from tap_analytics.api.stream_pages import Belief

if TYPE_CHECKING:
    from tap_analytics.api.paginators import Paginator, Unproven
    from tap_analytics.api.stream_pages import StreamPages
    from tap_analytics.reading.parents_and_children import Context

LOOKED_AT = {
    Belief.SHORT_PAGE: 3,
    Belief.COUNT: 1,
    Belief.FIRST_PAGE: 1,
    Belief.FULL_PAGE: 1,
    Belief.ONE_PAGE: 1,
}
"""How many lists are looked at for each belief, as long as it is not refuted."""


class Beliefs:
    """The lists of one stream that ended on beliefs.

    Args:
        shared: What the paginators of the stream share.
    """

    def __init__(self, shared: StreamPages) -> None:
        self._shared = shared
        self._lists: dict[Belief, list[tuple[Context | None, Unproven]]] = defaultdict(
            list
        )
        self._looked_at: dict[Belief, int] = defaultdict(int)
        self._due: dict[int, Context | None] = {}

    def add(self, context: Context | None, paginator: Paginator) -> None:
        """Take note of the end of a list."""
        for unproven in paginator.unproven:
            self._lists[unproven.belief].append((context, unproven))

    def due(self) -> list[tuple[Context | None, Unproven]]:
        """Return which lists to look at now, those first that would tell most.

        When a belief turned out to be wrong, these are all that ended on it.
        """
        due = []
        for belief, lists in self._lists.items():
            lists.sort(key=lambda one: one[1].weight, reverse=True)
            number = len(lists)
            if not self._shared.is_refuted(belief):
                number = max(0, LOOKED_AT[belief] - self._looked_at[belief])
            due += lists[:number]
            self._looked_at[belief] += min(number, len(lists))
            del lists[:number]
        self._due = {id(unproven): context for context, unproven in due}
        if not due:
            self._say_other_doubts()
        return due

    def undecided(self) -> list[Context]:
        """Return the parents whose lists are still going to be looked at."""
        undecided = [*self._due.values()]
        for belief, lists in self._lists.items():
            lists.sort(key=lambda one: one[1].weight, reverse=True)
            is_refuted = self._shared.is_refuted(belief)
            number = len(lists) if is_refuted else LOOKED_AT[belief]
            undecided += [context for context, _ in lists[:number]]
        return [context for context in undecided if context is not None]

    def looked(self, unproven: Unproven, *, found_more: bool) -> None:
        """Take note of what a look further brought."""
        self._due.pop(id(unproven), None)
        if found_more:
            return
        if unproven.doubt:
            self._shared.doubt(unproven.doubt)
        elif unproven.belief is Belief.COUNT:
            verified = self._shared.verified_count
            self._shared.verified_count = max(verified, unproven.weight)

    def _say_other_doubts(self) -> None:
        """Say what speaks against lists at which nobody is going to look."""
        for lists in self._lists.values():
            for _, unproven in lists:
                if unproven.doubt:
                    self._shared.doubt(unproven.doubt)
            lists[:] = [one for one in lists if not one[1].doubt]

    def say_doubts(self) -> None:
        """Say what speaks against the beliefs, where nobody will look further."""
        for _, unproven in self.due():
            self.looked(unproven, found_more=False)
        self._say_other_doubts()
