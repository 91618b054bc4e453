"""The scripts in `.ci`, which are no package."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

from tests.helpers.commands import PROJECT

if TYPE_CHECKING:
    from types import ModuleType


def script(name: str) -> ModuleType:
    """Return one of the scripts as a module."""
    spec = importlib.util.spec_from_file_location(name, PROJECT / ".ci" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
