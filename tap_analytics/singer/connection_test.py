"""The connection test: what was found out about an API, and what to do if it fails.

The SDK's own test ends with the first error, and says nothing of what it saw.
"""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from contextlib import suppress
from copy import deepcopy
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from singer_sdk.tap_base import CliTestOptionValue

from tap_analytics.api.page import Page
from tap_analytics.api.page_hints import PageHints
from tap_analytics.compat import override
from tap_analytics.errors import ConfigError, FatalAPIError
from tap_analytics.singer.advice import (
    advice_on_key,
    advice_on_prefix,
    advice_on_selector,
)
from tap_analytics.singer.announced_limit import announced_limit, limit_headers
from tap_analytics.singer.catalog import read_catalog
from tap_analytics.singer.messages import MessageWriter, Nowhere
from tap_analytics.singer.stream import AnalyticsStream
from tap_analytics.singer.tap import RunTap, run_of_command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import click

    from tap_analytics.api.answer import Answer

_WIDTH = 14
_REFUSED = frozenset({401, 403})


class VerdictTap(RunTap):
    """A tap whose `--test` ends with a verdict."""

    @classmethod
    @override
    def cb_test(cls, ctx: click.Context, param: click.Option, value: str) -> None:
        """Read one record of each stream, and tell what was found out.

        Raises:
            FatalAPIError: If a stream can't be read.
        """
        if value != CliTestOptionValue.All.value:
            super().cb_test(ctx, param, value)
            return
        # Columns are not inferred for it: that takes more requests than the test.
        config = {**ctx.params["config"].config}
        if config.get("undeclared_fields") == "infer":
            config["undeclared_fields"] = "collect"
        run = run_of_command(ctx, cls.logger)
        file = ctx.params.get("catalog")
        catalog = file and read_catalog(file, cls.stream_names)

        def make_tap() -> RunTap:
            # A copy of the catalog: the test selects all that it reads.
            writer = MessageWriter(Nowhere())
            return cls(
                config=config,
                catalog=deepcopy(catalog),
                message_writer=writer,
                run=run,
            )

        test = ConnectionTest(make_tap)
        test.run()
        for line in test.verdict():
            _say(line, run.logger)
        if (error := test.error()) is not None:
            raise error
        ctx.exit()


def _say(line: str, logger: logging.Logger) -> None:
    """Log a line of the verdict, whatever the level of the log."""
    extra = {"kind": "verdict"}
    place = (logger.name, logging.INFO, __file__, 0)
    logger.handle(logger.makeRecord(*place, line, (), None, extra=extra))


class ConnectionTest:
    """Reads one record of each stream, and takes note of what the API shows.

    Args:
        make_tap: Returns a new tap, with the settings to test.

    Attributes:
        failures: What could not be read, by top-level stream.
        advice: Settings that would help.
    """

    def __init__(self, make_tap: Callable[[], RunTap]) -> None:
        self._make_tap = make_tap
        self._responses: dict[str, list[Answer]] = defaultdict(list)
        self.failures: dict[str, FatalAPIError] = {}
        self.advice: dict[str, Any] = {}

    def run(self) -> None:
        """Read one record of each stream.

        One request that fails is enough if none succeeded before it: it is not the
        stream then. But where some streams can be read, all are tried.

        Raises:
            ConfigError: If no stream is selected.
        """
        tap = self._watched_tap()
        self._streams = _streams(tap)
        if not self._streams:
            msg = "No stream is selected, so there is nothing to test."
            raise ConfigError(msg)
        for name, stream in self._streams.items():
            if stream.parent_stream_type is not None:
                continue
            below = tap.streams[name].descendent_streams
            family = [
                tap.streams[name],
                *(one for one in below if one.name in self._streams),
            ]
            try:
                tap.run_sync_dry_run(1, family)
            except FatalAPIError as error:
                self.failures[name] = error
                if not self._succeeded:
                    break
                tap = self._watched_tap()  # The threads of this one have ended.
        self._advise()

    def verdict(self) -> Iterator[str]:
        """Return what was found out, line by line."""
        config = self._any_stream.config
        yield self._headline()
        yield _line("key", f"{self._key()}, sent in {config['api_key_header']}")
        if self._succeeded:
            yield _line("records", f"found by data_selector {self._selector!r}")
            yield _line("limit", self._limit(config))
            yield _line("if stopped", _going_on(config))
        for name in self._streams if self._succeeded else self._responses:
            yield _line(name, self._of(name))
        if self.advice:
            yield f"Put this into the config: {json.dumps(self.advice)}"

    def error(self) -> FatalAPIError | None:
        """Return what went wrong, `None` if nothing did."""
        if len(self.failures) <= 1:
            return next(iter(self.failures.values()), None)
        return FatalAPIError(" ".join(map(str, self.failures.values())))

    def _watched_tap(self) -> RunTap:
        tap = self._make_tap()
        for stream in _streams(tap).values():
            stream.account.client.on_answer = self._note
        return tap

    def _note(self, stream: str, response: Answer) -> None:
        self._responses[stream].append(response)

    @property
    def _succeeded(self) -> bool:
        return any(self._pages())

    @property
    def _selector(self) -> str:
        return str(self._any_stream.config["data_selector"])

    @property
    def _any_stream(self) -> AnalyticsStream:
        return next(iter(self._streams.values()))

    def _page(self, stream: str) -> Page | None:
        """Return a page of a stream that was read as it should be."""
        for response in self._responses.get(stream, ()):
            if response.status == HTTPStatus.OK:
                with suppress(FatalAPIError):
                    page = Page(response, self._selector)
                    _ = page.records
                    return page
        return None

    def _pages(self) -> Iterator[Page]:
        return filter(None, map(self._page, self._streams))

    def _headline(self) -> str:
        if not self._succeeded:
            return "It does not work yet."
        unread = [name for name in self._responses if self._page(name) is None]
        if unread:
            return f"The key is accepted, but {', '.join(unread)} can't be read."
        if len(self._responses) < len(self._streams):
            return (
                f"It works, but of {', '.join(self._not_asked_for)} nothing is known."
            )
        return f"It works: all {len(self._streams)} streams can be read."

    @property
    def _not_asked_for(self) -> list[str]:
        return [name for name in self._streams if name not in self._responses]

    def _key(self) -> str:
        answers = list(self._all_responses())
        if any(answer.status in _REFUSED for answer in answers):
            return "refused"
        return "accepted" if any(map(_is_json, answers)) else "not tested"

    def _limit(self, config: Mapping[str, Any]) -> str:
        told = ", ".join(f"{name}: {value}" for name, value in self._limit_headers())
        if requests_allowed := config.get("rate_limit_requests"):
            seconds = config["rate_limit_seconds"]
            return f"{requests_allowed} requests in {seconds} s, as set" + (
                f"; the API says {told}" if told else ""
            )
        return told or "none announced; it is learned if the API refuses a request"

    def _limit_headers(self) -> list[tuple[str, str]]:
        found = (limit_headers(page.answer.headers) for page in self._pages())
        return next(filter(None, found), [])

    def _of(self, name: str) -> str:
        page = self._page(name)
        if page is not None:
            counted = PageHints(page).number("rows")
            total = f" of {counted:,}" if counted is not None else ""
            of_what = " of the first project" if self._is_child(name) else ""
            found = self._streams[name].source.pagination.found
            style, _, why = found.partition(" ")
            pages = f"one page {why}" if style == "none" else f"pagination {found}"
            return f"{len(page.records):,}{total} rows{of_what}, {pages}"
        if name not in self._responses:
            return "not asked for: there is no project"
        answer = self._responses[name][-1]
        if _is_json(answer):
            return f"not read: no list of records in what GET {answer.url} answered"
        what = f"{answer.status} {answer.reason or ''}".rstrip()
        gone = self._is_child(name) and answer.status == HTTPStatus.NOT_FOUND
        advice = ": does a project have such a resource?" if gone else ""
        return f"not read: GET {answer.url} answered {what}{advice}"

    def _is_child(self, name: str) -> bool:
        return self._streams[name].parent_stream_type is not None

    # What would help

    def _advise(self) -> None:
        for response in self._all_responses():
            if response.status == HTTPStatus.NOT_FOUND and not self._succeeded:
                self.advice |= advice_on_prefix(self._any_stream)
            elif response.status in _REFUSED:
                self.advice |= advice_on_key(response)
            elif response.status == HTTPStatus.OK and not self._succeeded:
                self.advice |= advice_on_selector(response, self._selector)
        config = self._any_stream.config
        if not config.get("rate_limit_requests"):
            self.advice |= announced_limit(dict(self._limit_headers()))

    def _all_responses(self) -> Iterator[Answer]:
        for responses in list(self._responses.values()):
            yield from responses


def _is_json(response: Answer) -> bool:
    if response.status != HTTPStatus.OK:
        return False
    with suppress(FatalAPIError):
        Page(response)
        return True
    return False


def _streams(tap: RunTap) -> dict[str, AnalyticsStream]:
    return {
        name: stream
        for name, stream in tap.streams.items()
        if isinstance(stream, AnalyticsStream)
        and (stream.selected or stream.has_selected_descendents)
    }


def _going_on(config: Mapping[str, Any]) -> str:
    hours = config["resume_hours"]
    if not hours:
        return "off: a run that was stopped is begun anew. See resume_hours"
    return f"the next run goes on, within {hours:g} h. resume_hours 0 turns that off"


def _line(what: str, text: str) -> str:
    return f"  {what:<{_WIDTH}}{text}"
