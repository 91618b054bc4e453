"""Finds settings that are not valid, and says so in plain words.

The words are made of jsonschema's error objects, never of its English.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator

from tap_analytics.plugin.wording import instead_of, requirement, similar_to

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from jsonschema import ValidationError


@dataclass(frozen=True)
class Fault:
    """What is wrong with a setting.

    Attributes:
        text: A sentence that names the setting.
        is_missing: Whether the setting is only absent.
    """

    text: str
    is_missing: bool = False


def faults_of(
    settings: Mapping[str, Any],
    schema: Mapping[str, Any],
    prefix: str,
    meanings: Mapping[str, str],
    hidden: Collection[str],
) -> list[Fault]:
    """Return what is wrong with settings.

    Args:
        settings: The settings.
        schema: Their JSON schema.
        prefix: The beginning of each environment variable's name.
        meanings: What a text must do to match a pattern, by pattern.
        hidden: Settings whose values must not be shown.
    """
    errors = Draft202012Validator(mended(schema)).iter_errors(settings)
    found = [
        fault for error in errors for fault in _faults(error, prefix, meanings, hidden)
    ]
    return list(dict.fromkeys(found))


def _faults(
    error: ValidationError,
    prefix: str,
    meanings: Mapping[str, str],
    hidden: Collection[str],
) -> Iterator[Fault]:
    if error.validator == "required":
        for name in error.validator_value:
            if name not in error.instance:
                yield Fault(_missing(name, prefix), is_missing=True)
        return
    error = _innermost(error)
    path = list(error.absolute_path)
    wrong = instead_of(error.instance, error.schema, hidden=path[0] in hidden)
    text = f"{_name(path)} must {requirement(error.schema, meanings)}{wrong}."
    if similar := similar_to(error.instance, error.schema):
        text += f" Did you mean {similar}?"
    yield Fault(text)


def _missing(name: str, prefix: str) -> str:
    return (
        f"The setting {name} is missing: put it into the file given by --config, or "
        f"into the environment variable {prefix}{name.upper()}."
    )


def _innermost(error: ValidationError) -> ValidationError:
    """Return the error of that alternative which the value comes closest to."""
    within = [one for one in error.context or () if len(one.relative_path)]
    return _innermost(within[0]) if within else error


def _name(path: Iterable[str | int]) -> str:
    first, *more = path
    return f"{first}" + "".join(
        f"[{step}]" if isinstance(step, int) else f".{step}" for step in more
    )


def mended(schema: Any) -> Any:
    """Return a schema with schemas where the SDK has the names of types."""
    if isinstance(schema, list):
        return [mended(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: [mended({"type": part} if isinstance(part, str) else part) for part in of]
        if key == "anyOf"
        else mended(of)
        for key, of in schema.items()
    }
