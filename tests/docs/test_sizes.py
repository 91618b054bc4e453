"""`.ci/sizes.py`: what is so long that it holds more than one idea has a name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.helpers.scripts import script

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType


@pytest.fixture
def sizes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script, with a package that holds one long module and one long class."""
    package = tmp_path / "tap_analytics"
    package.mkdir()
    (package / "short.py").write_text("x = 1\n" * 300)
    (package / "long.py").write_text("x = 1\n" * 301)
    methods = "".join(f"    def m{number}(self): ...\n" for number in range(21))
    (package / "methods.py").write_text(f"class Many:\n{methods}class Few: ...\n")
    module = script("sizes")
    monkeypatch.setattr(module, "PROJECT", tmp_path)
    monkeypatch.setattr(module, "ACCEPTED", {})
    return module


def test_what_is_too_long_is_named(sizes: ModuleType) -> None:
    with pytest.raises(SystemExit) as caught:
        sizes.main()
    assert str(caught.value).splitlines() == [
        "tap_analytics/long.py has 301 lines, 300 are the most.",
        "tap_analytics/methods.py: class Many has 21 methods, 20 are the most.",
    ]


def test_what_is_accepted_with_a_reason_passes(
    sizes: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    sizes.ACCEPTED["tap_analytics/long.py"] = "a table"
    sizes.ACCEPTED["tap_analytics/methods.py:Many"] = "a hook for each message"
    sizes.main()
    assert capsys.readouterr().out.startswith("ok")


def test_what_is_accepted_without_need_is_named(sizes: ModuleType) -> None:
    sizes.ACCEPTED["tap_analytics/short.py"] = "it was long once"
    with pytest.raises(SystemExit, match=r"short\.py is not too long: take it off"):
        sizes.main()
