"""Names of accounts: which are valid, and which can't be told apart.

A name also becomes part of a variable's name and of a dataset's, and both know fewer
characters.
"""

from __future__ import annotations

import re

VALID = r"^[A-Za-z0-9_.-]{1,63}$(?!\n)"
"""The pattern of a name."""

RULE = "be 1 to 63 of the characters A-Z, a-z, 0-9, _, . and -, and not only dots"

_VALID = re.compile(VALID)
_NOT_IN_VARIABLES = re.compile(r"[^A-Z0-9]")
_NOT_IN_DATASETS = re.compile(r"[^A-Za-z0-9_]+")
_WORD_BEGINS = (re.compile(r"([^_])([A-Z][a-z]+)"), re.compile(r"([a-z0-9])([A-Z])"))


def is_valid(name: str) -> bool:
    """Return whether an account may have a name; one of dots would be a folder."""
    return bool(_VALID.fullmatch(name) and name.strip("."))


def variable_form(name: str) -> str:
    """Return a name as part of an environment variable's name."""
    return _NOT_IN_VARIABLES.sub("_", name.upper())


def dataset_form(name: str) -> str:
    """Return a name as part of a dataset's name, as dlt's naming makes it.

    dlt itself is not asked, since importing it takes a second.
    """
    text = name.replace("-", "_")
    text = _NOT_IN_DATASETS.sub("_", text)
    for begins in _WORD_BEGINS:
        text = begins.sub(r"\1_\2", text)
    text = text.lower()
    if text[0].isdigit():
        text = f"_{text}"
    kept = text.rstrip("_")
    return re.sub("__+", "_", kept + "x" * (len(text) - len(kept)))
