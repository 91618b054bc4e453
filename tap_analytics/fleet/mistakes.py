"""Finds what does not fit a JSON schema, and says where and what in plain words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator

from tap_analytics.fleet.schema import HIDDEN, MEANINGS, SCHEMA
from tap_analytics.plugin.wording import closest, instead_of, requirement, similar_to

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from jsonschema import ValidationError


@dataclass(frozen=True)
class Mistake:
    """What is wrong with a value.

    Attributes:
        path: The keys and indexes that lead to the value.
        text: What is wrong, naming the key, without a full stop.
    """

    path: tuple[str | int, ...]
    text: str


def mistakes_in(value: Any, schema: Mapping[str, Any]) -> Iterator[Mistake]:
    """Yield what is wrong with a value.

    Args:
        value: The value.
        schema: Its JSON schema.
    """
    errors = Draft202012Validator(schema).iter_errors(value)
    # There is an error for each missing key, and each tells of all of them.
    yield from dict.fromkeys(one for error in errors for one in _mistakes(error))


def unknown(name: str, known: Iterable[str], kind: str = "key") -> str:
    """Return the words for a name that does not exist."""
    hint = "".join(f" (did you mean {one!r}?)" for one in closest(name, known))
    return f"there is no {kind} {name!r}{hint}"


class SettingCheck:
    """Checks single settings, each value once, however many accounts share it.

    Args:
        settings: JSON schemas of the settings, by name.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings = settings
        self._validators = {
            name: Draft202012Validator(
                {"type": "object", "properties": {name: setting}}
            )
            for name, setting in settings.items()
        }
        self._known: dict[tuple[str, str], str] = {}

    def mistake(self, name: str, value: Any) -> str:
        """Return what is wrong with a setting; empty if nothing is."""
        key = (name, repr(value))
        if key not in self._known:
            self._known[key] = self._mistake(name, value)
        return self._known[key]

    def _mistake(self, name: str, value: Any) -> str:
        if name not in self.settings:
            return unknown(name, self.settings, "setting")
        errors = self._validators[name].iter_errors({name: value})
        return next((one.text for error in errors for one in _mistakes(error)), "")


def _mistakes(error: ValidationError) -> Iterator[Mistake]:
    error = _innermost(error)
    path = tuple(error.absolute_path)
    if error.validator == "required":
        for name in error.validator_value:
            if name not in error.instance:
                yield Mistake(path, f"{_name((*path, name))} is missing")
    elif error.validator == "additionalProperties":
        known = error.schema["properties"]
        for name in error.instance:
            if name not in known:
                yield Mistake((*path, name), _unknown_within(path, name, known))
    else:
        hidden = bool(HIDDEN.intersection(path))
        wrong = instead_of(error.instance, error.schema, hidden=hidden)
        wanted = requirement(error.schema, MEANINGS)
        similar = similar_to(error.instance, error.schema)
        meant = f" (did you mean {similar}?)" if similar else ""
        yield Mistake(path, f"{_name(path)} must {wanted}{wrong}{meant}")


def _unknown_within(
    path: tuple[str | int, ...], name: str, known: Iterable[str]
) -> str:
    if not path:
        return unknown(name, known)
    if name in SCHEMA["properties"]:
        return f"{name} must not be in {_name(path)}: it is a key of the whole file"
    return unknown(name, known, f"key in {_name(path)} named")


def _innermost(error: ValidationError) -> ValidationError:
    """Return the error of that alternative which the value comes closest to."""
    within = [one for one in error.context or () if len(one.relative_path)]
    return _innermost(within[0]) if within else error


def _name(path: Iterable[str | int]) -> str:
    first, *more = path or ["the file"]
    return f"{first}" + "".join(
        f"[{step}]" if isinstance(step, int) else f".{step}" for step in more
    )
