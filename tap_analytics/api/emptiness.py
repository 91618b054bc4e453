"""What an empty list proves: nothing, where something beside it speaks of failure.

With records in it, an answer is one, whatever it says of itself. An empty list, or a
null in its place, is taken for the deletion of all rows, so more is looked at.
"""

from __future__ import annotations

import re
from collections import defaultdict
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, NamedTuple

from tap_analytics.api.answer_meaning import ABOUT_THE_ANSWER, plain_name
from tap_analytics.api.hint_values import whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_LEVELS = 3
_SHOWN_CHARACTERS = 100
_LONGEST_TEXT = 1_000

_SUCCESSES = frozenset({"success", "successful", "succeeded", "issuccess", "ok"})
_NUMBERS_OF_ERRORS = frozenset({"errno", "errorno", "errnum", "errornumber", "errorid"})
_CODES = frozenset(
    {"code", "status", "statuscode", "httpcode", "httpstatus", "httpstatuscode"}
    | {"responsecode", "respcode", "resultcode", "retcode", "returncode", "ret", "rc"}
)
_VERDICTS = frozenset(
    {"status", "stat", "state", "result", "outcome", "verdict", "resultstatus"}
    | {"responsestatus", *_CODES}
)
_MESSAGES = frozenset(
    {"msg", "message", "messages", "reason", "detail", "details", "statusmessage"}
    | {"statusmsg", "statustext", "resultmessage", "resultmsg", "responsemessage"}
    | {"retmsg", "usermessage"}
)
_TITLES = frozenset({"title", "description", "summary", "info", "text", "note"})
"""They may as well be of the list."""

_FAILURE = re.compile(
    r"\b(err|error|errors|fehler|erreur)\b|fail|time[d\s_-]*out|unavailable|\bbusy\b"
    r"|denied|\brefused|forbidden|unauthori[sz]ed|not[\s_](authori[sz]ed|allowed|ready)"
    r"|exception|\binternal\b|\bretry\b|try again|too[\s_]many|\bquota\b|exceeded"
    r"|overload|throttl|maintenance|crash|\bnok?\b(?=[.!]?$)|\bko\b|aborted"
    r"|\b(unable|could ?n[o']t|can ?n?[o']t)\b|rejected|went wrong|expired"
    r"|no (access|permission|credit|licen[cs]e|answer|response|connection)",
    re.IGNORECASE,
)
_NO_FAILURE = re.compile(
    r"\b(no|without|zero|0) (\w+ )?(errors?|warnings?|failures?|problems?|exceptions?)"
    r"|\bno (?!access|permission|credit|licen|answer|response|connection)[\w ]{1,60}"
    r"\b(found|available|yet|exists?|returned)\b",
    re.IGNORECASE,
)
_FINE = re.compile(
    r"\b(ok|okay|success\w*|succeeded|done|completed?|retrieved|fetched|loaded|listed)\b"
    r"|\b(returned|nothing|none|null|empty|true)\b|(?<!not )\bfound\b"
    r"|\b(no|0|zero) (\w+ ){0,2}(records?|results?|rows?|items?|entr(y|ies)|data)\b"
    r"|\b(no|0|zero) (content|matche?s|tasks?|users?|projects?|clients?|time)\b"
    r"|no more|out of (range|bounds)|\b(end of|beyond|last page|not have any)\b"
    r"|erfolgreich|\b(keine?|aucune?|ning[uú]n|nessun|nenhum|geen|inga|brak)"
    r"|成功|暂无|没有|ありません|없습니다",
    re.IGNORECASE,
)
_NOT_YET = re.compile(
    r"pending|processing|queued|running|started|loading|progress|partial|incomplete",
    re.IGNORECASE,
)


_FINE_CODES = range(200, 300)


class _Tone(Enum):
    """What one field says of the answer."""

    NONE = auto()
    FINE = auto()
    CODE = auto()
    """A number that stands for what nobody knows."""
    ODD = auto()
    """Words that may mean anything."""
    BAD = auto()
    """Words of failure, where there may be others."""
    FAILURE = auto()
    """The answer is none."""


class Suspicion(NamedTuple):
    """What speaks against an empty list being one.

    Attributes:
        field: The field with its value.
        is_failure: Whether it is surely no answer; otherwise it may be one.
    """

    field: str
    is_failure: bool


def suspicion_of(
    envelope: Mapping[str, Any], keys: Sequence[str] = (), *, is_null: bool
) -> Suspicion | None:
    """Return what speaks against an empty list being one, `None` if nothing does.

    Args:
        envelope: The body without its records.
        keys: Where in the body the records are.
        is_null: Whether there is a null in place of the list.
    """
    found = [
        suspicion
        for fields in _levels(envelope, keys, _LEVELS)
        if (suspicion := _of_level(fields, is_null=is_null))
    ]
    found.sort(key=lambda one: not one.is_failure)
    return found[0] if found else None


def _levels(
    fields: Mapping[str, Any], keys: Sequence[str], levels: int
) -> Iterator[dict[str, tuple[str, Any]]]:
    """Yield the fields that speak of the answer, with their own names by plain ones."""
    yield {plain_name(name): (name, value) for name, value in fields.items()}
    for name, value in fields.items():
        is_above = name in keys[:1]
        is_about = is_above or plain_name(name) in ABOUT_THE_ANSWER
        if is_about and isinstance(value, dict) and levels > 1:
            yield from _levels(value, keys[1:] if is_above else (), levels - 1)


def _of_level(
    fields: Mapping[str, tuple[str, Any]], *, is_null: bool
) -> Suspicion | None:
    tones: dict[_Tone, list[tuple[str, Any]]] = defaultdict(list)
    for plain, one in fields.items():
        tones[_tone(plain, one[1], is_null=is_null)].append(one)
    bad, odd, codes = tones[_Tone.BAD], tones[_Tone.ODD], tones[_Tone.CODE]
    is_fine = bool(tones[_Tone.FINE])
    if failures := tones[_Tone.FAILURE]:
        return _suspicion(failures[0], is_failure=True)
    if bad:
        return _suspicion(bad[0], is_failure=not is_fine)
    if is_fine or not (codes or odd):
        return None
    return _suspicion((codes + odd)[0], is_failure=is_null or bool(codes and odd))


def _tone(plain: str, value: Any, *, is_null: bool) -> _Tone:
    number = None if isinstance(value, bool) else whole(value)
    if plain in _NUMBERS_OF_ERRORS:
        return _Tone.FAILURE if number else _Tone.NONE
    if plain in _SUCCESSES:
        return _Tone.FINE  # Otherwise the answer was a failure before.
    if plain in _CODES and number is not None:
        is_fine = number == 0 or number in _FINE_CODES
        return _Tone.FINE if is_fine else _Tone.CODE if number > 1 else _Tone.NONE
    text = _text(value)
    if plain in _VERDICTS:
        return _tone_of_verdict(text)
    return _tone_of_text(plain, text, is_null=is_null)


def _tone_of_verdict(text: str) -> _Tone:
    if _is_bad(text):
        return _Tone.FAILURE
    if _FINE.search(text):
        return _Tone.FINE
    return _Tone.ODD if _NOT_YET.search(text) else _Tone.NONE


def _tone_of_text(plain: str, text: str, *, is_null: bool) -> _Tone:
    if plain not in _MESSAGES | _TITLES:
        return _Tone.NONE
    is_title = plain in _TITLES
    if _is_bad(text):
        return _Tone.ODD if is_title and not is_null else _Tone.BAD
    if is_title:
        return _Tone.NONE
    if _FINE.search(_NO_FAILURE.sub("ok", text)):
        return _Tone.FINE
    return _Tone.ODD if text else _Tone.NONE


def _suspicion(one: tuple[str, Any], *, is_failure: bool) -> Suspicion:
    name, value = one
    return Suspicion(f"{name}: {value!r:.{_SHOWN_CHARACTERS}}", is_failure)


def _text(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(one for one in value[:10] if isinstance(one, str)).strip()
    return value.strip()[:_LONGEST_TEXT] if isinstance(value, str) else ""


def _is_bad(text: str) -> bool:
    return bool(_FAILURE.search(_NO_FAILURE.sub("ok", text[:_LONGEST_TEXT])))
