"""What the resources of a source share while dlt extracts them once."""

from __future__ import annotations

import logging
import weakref
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dlt.common import logger
from dlt.common.configuration.container import Container
from dlt.common.runtime.signals import raise_if_signalled
from dlt.extract.source import SourceInjectableContext

from tap_analytics.dlt_extract.errors import SourceError
from tap_analytics.dlt_extract.old_objects import left_alone
from tap_analytics.dlt_extract.plain_hints import ExpectedWarnings
from tap_analytics.errors import ConfigError, FatalAPIError
from tap_analytics.reading.account import Account
from tap_analytics.run import Run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tap_analytics.api.page import Page
    from tap_analytics.dlt_extract.last_step import DictForm
    from tap_analytics.reading.parents_and_children import Branch

LOGGER = logging.getLogger("tap_analytics.dlt_source")
"""Takes what a source says, by the name that its users know."""


class ParentList:
    """What the children of a stream have to know of the list of their parents.

    Attributes:
        rows: How many rows have been handed out.
        is_whole: Whether these are all there are.
        is_over: Whether no more follow, for whatever reason.
    """

    def __init__(self) -> None:
        self.rows = 0
        self.is_whole = False
        self.is_over = False


class Extraction:
    """One extraction: a run with an account of its own.

    Args:
        settings: The tap's settings, defaults included.

    Attributes:
        account: What all its streams share.
        parents: The lists of parents by the name of their resource.
        children: What reads below parents, by the name of its resource.
        forms: What dlt is to get instead of dicts, by the name of their resource.
        expected_warnings: Keeps dlt from warning of what is as it should be.
        is_over: Whether nobody reads on.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        run = Run.logging_to(LOGGER)
        run.redaction.hide(settings["api_key"])
        self.account = Account(settings, run)
        self.parents: dict[str, ParentList] = {}
        self.children: dict[str, Any] = {}
        self.forms: dict[str, DictForm] = {}
        self.expected_warnings = ExpectedWarnings()
        self.is_over = False
        self._reading = 0
        self._is_asked = False

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Take part in the extraction; if a part fails, or is given up, all may end.

        dlt closes what it reads no more, and doesn't say why: a limit may be reached,
        or something have failed elsewhere. So whoever leaves last turns off the light.

        Raises:
            SourceError: If the API, or the settings, end the extraction.
        """
        self._reading += 1
        try:
            with left_alone():
                yield
        except GeneratorExit:
            self.is_over = self._reading == 1
            raise
        except (ConfigError, FatalAPIError) as error:
            self.is_over = True
            raise SourceError(str(error)) from None
        except BaseException:
            self.is_over = True
            raise
        finally:
            self._reading -= 1
            if self.is_over:
                self.account.close()

    def may_ask(self) -> bool:
        """Return whether a list may be asked for.

        Nothing else is asked for before the API has answered once: one request with a
        wrong key is enough.
        """
        is_first, self._is_asked = not self._is_asked, True
        return is_first or self.account.client.has_answered


class Extractions:
    """The extractions of one source, each as long as dlt keeps its context.

    Args:
        settings: The tap's settings, defaults included.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._settings = settings
        self._running: dict[int, Extraction] = {}

    def current(self) -> Extraction:
        """Return the extraction that the calling resource is part of."""
        context = Container()[SourceInjectableContext]
        extraction = self._running.get(id(context))
        if extraction is None or extraction.is_over:
            if extraction is None:
                weakref.finalize(context, self._running.pop, id(context))
            extraction = self._running[id(context)] = Extraction(self._settings)
            if logger.is_logging():
                expected = extraction.expected_warnings
                expected.begin(logger.LOGGER)
                weakref.finalize(context, logger.LOGGER.removeFilter, expected)
        return extraction


def pages(branch: Branch[Any]) -> Iterator[Page | None]:
    """Yield the pages of a branch; `None`, for dlt to go on, while one is to come."""
    coming = branch.pages()
    while True:
        while not branch.comes_now():
            raise_if_signalled()
            yield None
        page = next(coming, None)
        if page is None:
            return
        yield page
