"""How lines are found and told apart."""

from __future__ import annotations

import io
import json
import os
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from singer_sdk.exceptions import InvalidInputLine

from tap_analytics.target_dlt.singer_in import line_reader
from tap_analytics.target_dlt.singer_in.line_reader import LineReader, read_lines


def read(text: str) -> list[Any]:
    """Read messages; returns records by stream and line number, and other messages."""
    seen: list[Any] = []

    def on_records(stream: str, lines: list[bytes], first_line: int) -> None:
        for number, line in enumerate(lines, first_line):
            seen.append((stream, number, json.loads(line)["record"]))

    line_reader = LineReader(on_records, lambda: None)
    counter = line_reader.process_lines(
        io.StringIO(text), {"STATE": seen.append, "SCHEMA": seen.append}
    )
    assert sum(counter.values()) == len(seen)
    return seen


names = st.text(min_size=1)
records = st.dictionaries(names, st.integers() | st.text())
messages = st.one_of(
    st.builds(
        lambda stream, record: {"type": "RECORD", "stream": stream, "record": record},
        names,
        records,
    ),
    st.builds(lambda value: {"type": "STATE", "value": value}, records),
    st.builds(lambda stream: {"type": "SCHEMA", "stream": stream}, names),
)


@given(st.lists(messages), st.booleans(), st.randoms(use_true_random=False))
def test_all_messages_are_read_in_order_however_they_are_written(
    sent: list[dict[str, Any]],
    ascii_only: bool,  # noqa: FBT001
    chance: Any,
) -> None:
    lines = []
    for message in sent:
        keys = list(message)
        if chance.random() < 0.2:
            chance.shuffle(keys)
        separators = chance.choice([(", ", ": "), (",", ":")])
        lines.append(
            json.dumps(
                {key: message[key] for key in keys},
                ensure_ascii=ascii_only,
                separators=separators,
            )
        )
    assert read("\n".join(lines)) == [
        (one["stream"], number, one["record"]) if one["type"] == "RECORD" else one
        for number, one in enumerate(sent, 1)
    ]


def test_a_stream_whose_name_begins_like_another_is_another() -> None:
    lines = [
        json.dumps({"type": "RECORD", "stream": stream, "record": {}})
        for stream in ("a", "ab", "a", 'a","record":', "a")
    ]
    assert [one[0] for one in read("\n".join(lines))] == [
        "a",
        "ab",
        "a",
        'a","record":',
        "a",
    ]


@given(st.lists(st.binary().map(lambda line: line.replace(b"\n", b""))))
def test_lines_are_the_same_however_they_arrive(lines: list[bytes]) -> None:
    class Trickle(io.BytesIO):
        def read(self, size: int | None = None) -> bytes:
            del size
            return super().read(3)

    found = [line for some in read_lines(Trickle(b"\n".join(lines))) for line in some]
    while lines and not lines[-1]:
        lines.pop()
    while found and not found[-1]:
        found.pop()
    assert found == lines


def test_standard_input_is_read_and_silence_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(line_reader, "PAUSE_SECONDS", 0.01)
    read_end, write_end = os.pipe()
    standard_input = os.dup(0)
    os.dup2(read_end, 0)
    try:
        arriving = read_lines(None)
        assert next(arriving) == []
        os.write(write_end, b"one\ntw")
        assert next(arriving) == [b"one"]
        assert next(arriving) == []
        os.write(write_end, b"o\n")
        os.close(write_end)
        assert [line for lines in arriving for line in lines] == [b"two"]
    finally:
        os.dup2(standard_input, 0)
        os.close(standard_input)
        os.close(read_end)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("oops", "Line 3: not a Singer message"),
        ("[]", "Line 3: not a Singer message"),
        ('{"stream":"s"}', "Line 3: not a Singer message.*type"),
        ('{"type":"STATE"', "Line 3: not a Singer message"),
        ('{"type":"STATE","value":"\\ud800"}', "Line 3: not a Singer message"),
    ],
)
def test_a_line_that_is_no_message_is_named(line: str, says: str) -> None:
    with pytest.raises(InvalidInputLine, match=says):
        read('\n{"type":"STATE","value":1}\n' + line)


BEGIN = '"type":"RECORD","stream":"s"'
RECORD_LINES = {
    "record first": f'{{{BEGIN},"record":{{"id":%d}},"version":%d}}',
    "time first": f'{{{BEGIN},"time_extracted":"%d","record":{{"a":%d}}}}',
    "time before all": f'{{"time_extracted":"%d",{BEGIN},"record":{{"a":%d}}}}',
    "record before all": f'{{ "record" : {{"id": %d, "a": %d}} , {BEGIN} }}',
    "escaped names": f"{{{BEGIN.replace('t', chr(92) + 'u0074', 1)},"
    '"version":%d,"record":{"a":%d}}',
}


@pytest.mark.parametrize("order", RECORD_LINES)
def test_lines_are_told_apart_in_linear_time_whatever_the_order_of_members(
    order: str,
) -> None:
    runs: list[int] = []
    count = 20_000
    lines = "\n".join(RECORD_LINES[order] % (n, n) for n in range(count))
    reader = LineReader(lambda _, run, __: runs.append(len(run)), lambda: None)
    began = time.process_time()
    reader.process_lines(io.StringIO(lines), {})
    assert time.process_time() - began < 2
    assert sum(runs) == count
    assert len(runs) < 10  # they are handed on together


def test_lines_of_many_streams_are_told_apart_in_linear_time() -> None:
    count = 20_000
    lines = "\n".join(
        f'{{"type":"RECORD","stream":"s{n % 2_000}","record":{{}}}}'
        for n in range(count)
    )
    runs: list[str] = []
    reader = LineReader(lambda stream, _, __: runs.append(stream), lambda: None)
    began = time.process_time()
    reader.process_lines(io.StringIO(lines), {})
    assert time.process_time() - began < 2
    assert runs == [f"s{n % 2_000}" for n in range(count)]
