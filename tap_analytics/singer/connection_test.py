"""The connection test: what was found out about an API, and what to do if it fails."""

from __future__ import annotations

import json
import logging
from copy import deepcopy
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from tap_analytics.errors import ConfigError, FatalAPIError
from tap_analytics.singer.advice import (
    advice_on_key,
    advice_on_prefix,
    advice_on_selector,
)
from tap_analytics.singer.announced_limit import announced_limit
from tap_analytics.singer.catalog import read_catalog
from tap_analytics.singer.findings import Findings, is_json
from tap_analytics.singer.messages import MessageWriter, Nowhere
from tap_analytics.singer.probes import SINCE, first_page, since_param
from tap_analytics.singer.stream import AnalyticsStream
from tap_analytics.singer.tap import run_of_command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import click

    from tap_analytics.api.page import Page
    from tap_analytics.singer.tap import RunTap

_WIDTH = 14
_REFUSED = frozenset({401, 403})


def give_verdict(tap_class: type[RunTap], ctx: click.Context) -> None:
    """Read one record of each stream, and tell what was found out.

    Args:
        tap_class: The tap.
        ctx: What the command line says.

    Raises:
        FatalAPIError: If a stream can't be read.
    """
    # Columns are not inferred for it: that takes more requests than the test.
    config = {**ctx.params["config"].config}
    if config.get("undeclared_fields") == "infer":
        config["undeclared_fields"] = "collect"
    run = run_of_command(ctx, tap_class.logger)
    file = ctx.params.get("catalog")
    catalog = file and read_catalog(file, tap_class.stream_names)

    def make_tap() -> RunTap:
        # A copy of the catalog: the test selects all that it reads.
        writer = MessageWriter(Nowhere())
        return tap_class(
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

    Raises:
        ConfigError: If no stream is selected.
    """

    def __init__(self, make_tap: Callable[[], RunTap]) -> None:
        self._make_tap = make_tap
        self._tap = make_tap()
        streams = _streams(self._tap)
        if not streams:
            msg = "No stream is selected, so there is nothing to test."
            raise ConfigError(msg)
        self._found = Findings(streams)
        self._config = self._found.any_stream.config
        self._date_filter = ""
        self.failures: dict[str, FatalAPIError] = {}
        self.advice: dict[str, Any] = {}

    def run(self) -> None:
        """Read one record of each stream.

        One request that fails is enough if none succeeded before it: it is not the
        stream then. But where some streams can be read, all are tried.
        """
        tap = self._watched(self._tap)
        for name, stream in [*self._found.streams.items()]:
            if stream.parent_stream_type is not None:
                continue
            streams = _streams(tap)
            below = streams[name].descendent_streams
            family = [
                streams[name],
                *(streams[one.name] for one in below if one.name in streams),
            ]
            self._found.read_by(family)
            try:
                tap.run_sync_dry_run(1, family)
            except FatalAPIError as error:
                self.failures[name] = error
                if not self._found.is_any_read:
                    break
                # The threads of this one have ended.
                tap = self._watched(self._make_tap())
        self._probe(_streams(tap))
        self._advise()

    def verdict(self) -> Iterator[str]:
        """Return what was found out, line by line."""
        found = self._found
        yield self._headline()
        yield _line("key", f"{self._key()}, sent in {self._config['api_key_header']}")
        if found.is_any_read:
            yield _line("records", f"found by data_selector {found.selector!r}")
            yield _line("limit", self._limit(self._config))
            yield _line("if stopped", _going_on(self._config))
        if self._date_filter:
            yield _line("date filter", self._date_filter)
        for name in found.streams if found.is_any_read else found.answers:
            yield _line(name, found.of(name))
        if self.advice:
            yield f"Put this into the config: {json.dumps(self.advice)}"

    def error(self) -> FatalAPIError | None:
        """Return what went wrong, `None` if nothing did."""
        if len(self.failures) <= 1:
            return next(iter(self.failures.values()), None)
        return FatalAPIError(" ".join(map(str, self.failures.values())))

    def _watched(self, tap: RunTap) -> RunTap:
        for stream in _streams(tap).values():
            stream.account.client.on_answer = self._found.note
        return tap

    def _headline(self) -> str:
        found = self._found
        if not found.is_any_read:
            return "It does not work yet."
        unread = [name for name in found.answers if found.page(name) is None]
        if unread:
            return f"The key is accepted, but {', '.join(unread)} can't be read."
        unknown = [name for name in found.streams if name not in found.answers]
        if unknown:
            return f"It works, but {', '.join(unknown)} could not be tested."
        return f"It works: {found.all_streams} can be read."

    def _key(self) -> str:
        answers = self._found.all_answers
        if any(answer.status in _REFUSED for answer in answers):
            return "accepted" if self._found.is_any_read else "refused"
        return "accepted" if any(map(is_json, answers)) else "not tested"

    def _limit(self, config: Mapping[str, Any]) -> str:
        headers = self._found.limit_headers()
        told = ", ".join(f"{name}: {value}" for name, value in headers)
        if requests_allowed := config.get("rate_limit_requests"):
            seconds = config["rate_limit_seconds"]
            return f"{requests_allowed} requests in {seconds} s, as set" + (
                f"; the API says {told}" if told else ""
            )
        return told or "none announced; it is learned if the API refuses a request"

    # What the first answers leave open

    def _probe(self, streams: Mapping[str, AnalyticsStream]) -> None:
        for stream in streams.values():  # What is asked now is no part of the test.
            stream.account.client.on_answer = lambda _, __: None
        for name, stream in self._found.streams.items():
            if (page := self._found.page(name)) is not None:
                first = first_page(stream, page, streams[name].account.client)
                if first is not None:
                    self._found.first_pages[name] = first
        dated = [name for name, stream in streams.items() if stream.is_incremental]
        for name in sorted(dated, key=self._found.is_child):
            if (page := self._found.page(name)) is not None and page.records:
                self._probe_date_filter(streams[name], page)
                return

    def _probe_date_filter(self, stream: AnalyticsStream, page: Page) -> None:
        given, name = self._config.get("since_param"), stream.name
        param = since_param(stream, page)
        if given and param:
            self._date_filter = f"since_param {given!r} works for {name}"
        elif given:
            self._date_filter = (
                f"since_param {given!r} has no effect on {name}: the API has records "
                "for a day a year ahead. Check since_param and since_format"
            )
        elif param:
            self._date_filter = f"{name} has one, {param!r}, for since_param"
            if self._config["incremental"]:
                self.advice["since_param"] = param
        else:
            self._date_filter = f"none found for {name} ({', '.join(SINCE)} were tried)"

    # What would help

    def _advise(self) -> None:
        found = self._found
        for answer in found.all_answers:
            if answer.status == HTTPStatus.NOT_FOUND and not found.is_any_read:
                self.advice |= advice_on_prefix(found.any_stream)
            elif answer.status in _REFUSED:
                self.advice |= advice_on_key(answer)
            elif answer.status == HTTPStatus.OK and not found.is_any_read:
                self.advice |= advice_on_selector(answer, found.selector)
        if not self._config.get("rate_limit_requests"):
            self.advice |= announced_limit(dict(found.limit_headers()))


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
