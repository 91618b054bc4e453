"""How a text gets to standard output."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tap_analytics.plugin.output import put_out

if TYPE_CHECKING:
    from collections.abc import Callable


class _Raw(io.RawIOBase):
    """An unbuffered file, which takes a few bytes at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.taken = b""

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        self.taken += bytes(data)[:3]
        return min(3, len(data))


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-16", "utf-8"])
def test_a_text_goes_out_as_a_whole_in_utf_8(
    encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = _Raw()
    stream: Callable[..., Any] = io.TextIOWrapper
    monkeypatch.setattr("sys.stdout", stream(raw, encoding, write_through=True))
    put_out('{"a":"ü é 漢"}')
    assert raw.taken.decode() == '{"a":"ü é 漢"}'


def test_a_text_goes_to_a_stream_of_text(capsys: pytest.CaptureFixture[str]) -> None:
    put_out("ü")
    assert capsys.readouterr().out == "ü"


def test_a_text_goes_out_behind_what_was_printed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    raw = _Raw()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(io.BufferedWriter(raw)))
    sys.stdout.write("a")
    put_out("b")
    assert raw.taken == b"ab"
