"""What is said of an answer that holds no page, and what to do about it."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple

from tap_analytics.api.answer_meaning import Meaning
from tap_analytics.api.experience import FORBIDDEN_IN_A_ROW
from tap_analytics.api.waits import until
from tap_analytics.errors import (
    FatalAPIError,
    ForbiddenError,
    RefusedError,
    RetriableAPIError,
    VanishedError,
    WaitError,
)
from tap_analytics.json_text import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_analytics.api.answer import Answer
    from tap_analytics.redaction import Redaction

LONGEST_WAIT = 3600
"""Seconds. If the API asks for a longer wait, the run stops."""


class Asker(NamedTuple):
    """For whom a request is sent.

    Attributes:
        stream: Name of the stream.
        is_child: Whether the path is below a parent.
    """

    stream: str = ""
    is_child: bool = False


class AnswerErrors:
    """Makes the error of an answer that holds no page.

    Args:
        settings: The tap's settings, which the errors name.
        redaction: Hides the secrets of the run.
    """

    def __init__(self, settings: Mapping[str, Any], redaction: Redaction) -> None:
        self._settings = settings
        self._redaction = redaction

    def not_yet(self, answer: Answer, wait: float | None) -> FatalAPIError:
        """Return the error of an answer after which to try again.

        Args:
            answer: The answer.
            wait: How many seconds it asks to wait, `None` if it says nothing.
        """
        said = str(answer)
        if answer.status < HTTPStatus.MULTIPLE_CHOICES:
            said += f", which is not a whole answer: {self._shown(answer)}"
        if wait is not None and wait > LONGEST_WAIT:
            return FatalAPIError(
                f"{said}: the API asks to wait until {until(wait)}, which is longer "
                "than an hour. Run the tap again then."
            )
        if wait is None and answer.status != HTTPStatus.TOO_MANY_REQUESTS:
            return RetriableAPIError(said)
        return WaitError(said, wait)

    def forbidden(
        self, answer: Answer, asker: Asker, *, is_hopeless: bool
    ) -> FatalAPIError:
        """Return the error where the key may not read what is below one parent.

        Args:
            answer: The answer.
            asker: For whom it was.
            is_hopeless: Whether other parents are not worth asking for.
        """
        if not is_hopeless:
            return ForbiddenError(f"{answer}: {self._shown(answer)}")
        return RefusedError(
            f"{answer}: {self._shown(answer)}. The key may not read the stream "
            f"{asker.stream!r} below any of {FORBIDDEN_IN_A_ROW} parents. "
            f"{_leave_out(asker.stream)}",
            answer.status,
        )

    def error(self, meaning: Meaning, answer: Answer, asker: Asker) -> FatalAPIError:
        """Return the error of an answer that no retry will change."""
        if meaning is Meaning.VANISHED:
            return VanishedError(str(answer))
        settings, body = self._settings, self._shown(answer)
        said = {
            Meaning.KEY_REFUSED: (
                f"{body}. The API key was refused. Check api_key, and that "
                f"api_key_header ({settings['api_key_header']}) is the header that the "
                "API reads it from. If the answer speaks of something else, such as "
                "an address or a plan that is not allowed, the key may be right."
            ),
            Meaning.KEY_WITHDRAWN: (
                f"{body}. The API accepted the key before in this run, and does so no "
                "longer. Check whether api_key was withdrawn or has expired."
            ),
            Meaning.FORBIDDEN: (
                f"{body}. The API key is accepted, but may not read the stream "
                f"{asker.stream!r}. {_leave_out(asker.stream)}"
            ),
            Meaning.NOT_FOUND: (
                "there is no such resource. Check api_url, and that path_prefix "
                f"({settings['path_prefix']!r}) is the API's."
            ),
            Meaning.REFUSED: f"no retry will change that: {body}.",
        }[meaning]
        return RefusedError(f"{answer}: {said}", answer.status)

    def _shown(self, answer: Answer) -> str:
        return shown(answer.body, self._redaction)


def _leave_out(stream: str) -> str:
    return (
        f'Use a key that may, or leave the stream out: set streams to ["-{stream}"], '
        "or deselect the stream in the catalog."
    )
