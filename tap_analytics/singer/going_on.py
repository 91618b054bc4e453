"""Goes on with a read that was stopped: what the state of the streams says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_analytics.reading.so_far import SoFar
from tap_analytics.rows.unfinished import UNFINISHED, digest_of
from tap_analytics.settings import SHAPES_NO_ROWS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tap_analytics.singer.stream import AnalyticsStream


def so_far_of(stream: AnalyticsStream) -> SoFar:
    """Return how far earlier parts of a read came.

    Args:
        stream: The stream that is going to be read.

    Raises:
        ConfigError: If the state was written by a newer version, or can't be read.
    """
    settings = {
        name: value
        for name, value in stream.config.items()
        if name not in SHAPES_NO_ROWS
    }
    shape = {
        "settings": settings,
        "schema": stream.effective_schema,
        "mask": {"/".join(place): chosen for place, chosen in stream.mask.items()},
        "replication": [stream.replication_method, stream.replication_key],
    }
    return SoFar(
        stream.state_then,
        digest_of(shape),
        stream.account.client.started_at,
        float(stream.config["resume_hours"]),
    )


def begin(streams: Iterable[AnalyticsStream]) -> None:
    """Say with which read this run goes on, if with one; forget all others.

    So the first STATE says that they are given up: a later run must not go on with
    one of them when this run has changed its rows.

    Args:
        streams: The streams that are selected.

    Raises:
        ConfigError: If the state is not one to go on from.
    """
    streams = list(streams)
    for stream in streams:
        so_far = stream.source.so_far
        if so_far is None:
            continue
        if so_far.before is not None:
            stream.progress.goes_on(so_far.began_at)
        elif UNFINISHED in stream.state_then:
            stream.stream_state[UNFINISHED] = None
        if so_far.is_complete:
            stream.progress.skipped_stream(stream.name)
    for stream in streams[:1]:
        if since := stream.progress.went_on_since:
            stream.account.run.logger.info(
                "Goes on with the read that began at %s. To read everything anew, set "
                "resume_hours to 0.",
                since,
            )


def note_how_far(stream: AnalyticsStream, *, is_stopped: bool = False) -> None:
    """Write into the state how far the streams have been read.

    What is complete is read anew by the next run, unless this one has taken long or
    is told to end.

    Args:
        stream: The top-level stream that is being read, with those below it.
        is_stopped: Whether the run is told to end.
    """
    complete = stream.complete_so_far
    is_long = stream.progress.seconds >= stream.account.state_cadence.seconds
    if is_long or is_stopped:
        for one in complete:
            _note(one, one.source.complete(one.version))
    for one in stream.family:
        if one.is_to_read and one not in complete:
            _note(one, one.source.unfinished(one.version))


def _note(stream: AnalyticsStream, text: str | None) -> None:
    if text is not None:
        stream.stream_state[UNFINISHED] = text


def end(streams: Iterable[AnalyticsStream]) -> bool:
    """Write into the state that all was read; return whether it was not there yet.

    It is written for streams, too, of which the state says nothing: it may be merged
    with another one.

    Args:
        streams: The streams that are selected.
    """
    is_news = False
    for stream in streams:
        if stream.source.so_far is not None:
            is_news |= stream.state_then.get(UNFINISHED) is not None
            stream.stream_state[UNFINISHED] = None
    return is_news
