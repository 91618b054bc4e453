"""Whether the rows of a stream are all there are, and if not, why."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from tap_analytics.errors import ExhaustedError, FatalAPIError

if TYPE_CHECKING:
    from tap_analytics.api.stream_pages import StreamPages
    from tap_analytics.errors import LeftOutError
    from tap_analytics.reading.so_far import SoFar

_IN_DOUBT = "more rows may exist than were read"
_MORE_PARENTS = "more parents may exist than were read"
_LEFT_OUT = "the rows of some parents could not be read"


class Wholeness:
    """What speaks against the rows of one stream being all there are.

    Args:
        stream: Name of the stream.
        shared: What the paginators of the stream share.
        so_far: How far earlier parts of this read came, for lists below parents.
        above: What speaks against the parents being all there are.

    Attributes:
        parents_read: How many lists below a parent have been read whole.
        parents_gone: How many parents were gone.
        left_out_for: Why lists below some parents were left out.
    """

    def __init__(
        self,
        stream: str,
        shared: StreamPages,
        so_far: SoFar | None,
        above: Wholeness | None = None,
    ) -> None:
        self._stream = stream
        self._shared = shared
        self._so_far = so_far
        self._above = above
        self.parents_read = 0
        self.parents_gone = 0
        self.left_out_for: list[LeftOutError] = []

    def why_not(self, left_out_by: str = "") -> tuple[int, str] | None:
        """Return why rows that were not read may still exist, `None` if they don't.

        Args:
            left_out_by: What left out parents, and so all below them; empty if
                nothing did.

        Returns:
            How much that matters, as a level of a log, and why it is so.
        """
        if left_out_by:
            return logging.INFO, (
                f"{left_out_by} left out some records, and what is below them"
            )
        if self._above is not None and self._above.why_not() is not None:
            return logging.INFO, _MORE_PARENTS
        if self.left_out_for:
            number = len(self.left_out_for)
            return logging.INFO, f"the rows of {number} parents could not be read"
        if self.parents_gone > 1 and not self.parents_read:
            return logging.WARNING, (
                f"the API says of each of its {self.parents_gone} parents that it is "
                "gone. That may be another mistake"
            )
        earlier = self._so_far.doubts if self._so_far is not None else ()
        doubts = [*[_IN_DOUBT] * self.is_in_doubt, *earlier]
        return (logging.INFO, doubts[0]) if doubts else None

    @property
    def doubts(self) -> list[str]:
        """What speaks against it, for a later part of this read."""
        known = {_LEFT_OUT: bool(self.left_out_for), _IN_DOUBT: self.is_in_doubt}
        return [doubt for doubt, is_so in known.items() if is_so]

    @property
    def is_in_doubt(self) -> bool:
        """Whether some lists may not have been read whole, in whatever part."""
        shared, so_far = self._shared, self._so_far
        if shared.doubts or so_far is None:
            return bool(shared.doubts)
        # What has turned out to be wrong now was believed by an earlier part, too.
        refuted_now = {one.name for one in shared.refuted} - {*so_far.refuted}
        is_refuted = so_far.skipped > 0 and bool(refuted_now)
        return is_refuted or _IN_DOUBT in so_far.doubts

    @property
    def exhausted(self) -> list[LeftOutError]:
        """Why parents were left out that another try may read."""
        return [e for e in self.left_out_for if isinstance(e, ExhaustedError)]

    def raise_exhausted(self) -> None:
        """Return if nothing was left out that another run may read.

        Raises:
            FatalAPIError: If retries were used up below some parents.
        """
        if exhausted := self.exhausted:
            msg = (
                f"stream {self._stream!r}: the rows of {len(exhausted)} parents could "
                f"not be read, all others were. The first: {exhausted[0]}"
            )
            raise FatalAPIError(msg)
