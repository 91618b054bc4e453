"""What an API may send by mistake: passed on exactly, or refused with one line."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.running import Outcome, run_tap, settings
from tests.unit.api.test_page import page

if TYPE_CHECKING:
    from pathlib import Path

    from tap_analytics.sandbox import Sandbox
    from tests.conftest import SandboxFactory

MEGABYTE = 1_000_000


@pytest.fixture
def api(sandbox: SandboxFactory) -> Sandbox:
    return sandbox(projects=0, clients=0, users=0, team_time=0)


def send(api: Sandbox, folder: Path, *records: str, **more: Any) -> Outcome:
    """Let the API send these records, and run the tap."""
    body = f'{{"data":[{",".join(records)}]}}'
    api.fault("/v1/clients", status=200, body=body)
    config = settings(api, max_retries=0, **more)
    return run_tap(config, folder=folder)


def received(outcome: Outcome) -> dict[str, Any]:
    """Return the one record that has arrived, its additional fields among the rest."""
    assert outcome.status == 0, outcome.err
    (record,) = outcome.records("clients")
    return record | (record["additional_fields"] or {})


MAPPED = {"stream_maps": {"clients": {"copied": "id"}}}
both_ways = pytest.mark.parametrize(
    "settings", [{}, MAPPED], ids=["as it is", "mapped"]
)


@both_ways
@pytest.mark.parametrize(
    "name",
    [
        *("", " ", "a.b", "a b", "a'b", 'a"b', "a\\b", "a/b", "a\nb", "a\0b"),
        *("😀", "ü", "\u202e", "a;drop table clients", "_sdc_deleted_at", "$ref"),
        *("type", "record", "project_id", "__proto__", "x" * 10_000),
    ],
)
def test_a_field_may_have_any_name(
    api: Sandbox, tmp_path: Path, name: str, settings: dict[str, Any]
) -> None:
    record = {"id": "a", name: {name: [name]}}
    outcome = send(api, tmp_path, json.dumps(record), **settings)
    assert received(outcome)[name] == {name: [name]}


@both_ways
@pytest.mark.parametrize(
    "text", ["a\0b", "\u2028", "\u0085", "\x1b[2J", "\r\n", "😀", "\ufeff", "\uffff"]
)
def test_a_text_may_hold_any_character(
    api: Sandbox, tmp_path: Path, text: str, settings: dict[str, Any]
) -> None:
    for ascii_only in (False, True):
        record = {"id": f"i{text}", "name": text, "note": [text]}
        api.clear_faults()
        sent = json.dumps(record, ensure_ascii=ascii_only)
        found = received(send(api, tmp_path, sent, **settings))
        assert {name: found[name] for name in record} == record


@both_ways
def test_values_may_be_nested_fifty_levels_deep(
    api: Sandbox, tmp_path: Path, settings: dict[str, Any]
) -> None:
    nested = '{"a":[' * 25 + "1" + "]}" * 25
    outcome = send(api, tmp_path, f'{{"id":"a","nested":{nested}}}', **settings)
    assert received(outcome)["nested"] == json.loads(nested)


@both_ways
@pytest.mark.parametrize("depth", [2_000, 100_000])
def test_values_nested_more_deeply_than_can_be_read_stop_the_run(
    api: Sandbox, tmp_path: Path, depth: int, settings: dict[str, Any]
) -> None:
    nested = "[" * depth + "]" * depth
    outcome = send(api, tmp_path, f'{{"id":"a","nested":{nested}}}', **settings)
    assert "nested too deeply" in outcome.error


@pytest.mark.parametrize(
    "number", [str(2**63), str(2**64), "1" * 400, "-1", "1.50", "1e400"]
)
def test_an_id_that_is_a_number_keeps_its_digits(
    api: Sandbox, tmp_path: Path, number: str
) -> None:
    assert received(send(api, tmp_path, f'{{"id":{number}}}'))["id"] == number


@pytest.mark.parametrize("number", [str(2**63), "0." + "1" * 40, "1e400", "-0.0"])
def test_any_number_keeps_its_digits(api: Sandbox, tmp_path: Path, number: str) -> None:
    outcome = send(api, tmp_path, f'{{"id":"a","hours":{number}}}')
    assert f'"hours":{number}}}' in outcome.out
    assert received(outcome)["hours"] == Decimal(number)


HUGE = ["9" * 5_000, "1e99999999999999999999", "-1e-99999999999999999999"]


@pytest.mark.parametrize("number", HUGE, ids=["digits", "exponent", "small"])
@pytest.mark.parametrize("more", [{}, {"undeclared_fields": "infer"}])
def test_a_number_beyond_all_bounds_is_passed_on(
    api: Sandbox, tmp_path: Path, number: str, more: dict[str, Any]
) -> None:
    sent = f'{{"id":"a","name":{number},"createdAt":{number},"list":[{number}]}}'
    outcome = send(api, tmp_path, sent, **more)
    assert outcome.status == 0, outcome.err
    assert f'"name":"{number}"' in outcome.out
    assert f'"createdAt":{number}' in outcome.out
    assert f'"list":[{number}]' in outcome.out


@pytest.mark.parametrize("mode", ["collect", "infer"])
def test_such_a_number_of_a_parent_keeps_no_children_away(
    api: Sandbox, tmp_path: Path, mode: str
) -> None:
    record = {"id": "p", "numbers": "NUMBERS"}
    body = json.dumps({"data": [record]}).replace('"NUMBERS"', f"[{','.join(HUGE)}]")
    api.fault("/v1/projects", status=200, body=body)
    api.fault("/v1/projects/p/tasks", status=200, body='{"data":[{"id":"t"}]}')
    api.fault("/v1/projects/p/time", status=200, body='{"data":[]}')
    outcome = run_tap(settings(api, undeclared_fields=mode), folder=tmp_path)
    assert outcome.status == 0, outcome.err
    assert outcome.ids("tasks") == ["t"]
    assert f"[{','.join(HUGE)}]" in outcome.out


@pytest.mark.parametrize("number", HUGE, ids=["digits", "exponent", "small"])
@pytest.mark.parametrize("pagination", ["auto", "page", "offset", "cursor"])
def test_a_number_beyond_all_bounds_beside_the_records_harms_nobody(
    api: Sandbox, tmp_path: Path, number: str, pagination: str
) -> None:
    around = ",".join(f'"{name}":{number}' for name in ("total", "page", "per_page"))
    body = f'{{"data":[{{"id":"a"}}],{around},"meta":{{{around}}}}}'
    for path in ("/v1/clients", "/v1/projects"):
        api.fault(path, status=200, body=body, times=1)
    outcome = run_tap(settings(api, pagination=pagination), folder=tmp_path)
    assert outcome.status == 0, outcome.err
    assert outcome.ids("clients") == ["a"]


def test_an_error_code_beyond_all_bounds_is_an_error(
    api: Sandbox, tmp_path: Path
) -> None:
    body = f'{{"data":[{{"id":"a"}}],"error":{{"code":{HUGE[1]}}}}}'
    api.fault("/v1/clients", status=200, body=body)
    error = run_tap(settings(api, max_retries=0), folder=tmp_path).error
    assert "reports an error" in error


def test_a_mapped_integer_keeps_thousands_of_digits(
    api: Sandbox, tmp_path: Path
) -> None:
    outcome = send(api, tmp_path, f'{{"id":"a","x":{HUGE[0]}}}', **MAPPED)
    assert f'"x":{HUGE[0]}}}' in outcome.out


@pytest.mark.parametrize("more", [MAPPED, {"data_selector": "data[?(@.id)]"}])
def test_a_number_that_nothing_can_compute_with_stops_what_would_have_to(
    api: Sandbox, tmp_path: Path, more: dict[str, Any]
) -> None:
    outcome = send(api, tmp_path, f'{{"id":"a","x":{HUGE[1]}}}', **more)
    assert "the API sent the number 1e9999" in outcome.error


def test_of_a_name_that_comes_twice_the_last_value_counts(
    api: Sandbox, tmp_path: Path
) -> None:
    record = '{"id":"a","id":"b","x":1,"x":2,"y":{"z":1,"z":2}}'
    outcome = send(api, tmp_path, record)
    assert '"id":"b"' in outcome.out
    assert '"additional_fields":{"x":2,"y":{"z":1,"z":2}}' in outcome.out


@pytest.mark.parametrize("identifier", ["null", '""', "{}", '{"a":1}', "[]", "true"])
def test_an_id_that_is_none_stops_the_run(
    api: Sandbox, tmp_path: Path, identifier: str
) -> None:
    record = f'{{"id":{identifier}}}'
    error = send(api, tmp_path, '{"id":"first"}', record).error
    assert f"stream 'clients': a record without 'id': {record!r}" in error


@pytest.mark.parametrize("record", ["1", "null", '"text"', '[{"id":"a"}]'])
def test_a_record_that_is_no_object_stops_the_run(
    api: Sandbox, tmp_path: Path, record: str
) -> None:
    error = send(api, tmp_path, record).error
    assert f"stream 'clients': a record is not an object: {record!r}" in error


@pytest.mark.parametrize(
    "value", ["NaN", "Infinity", "01", "'a'", '"\t"', '"\n"', r'"\q"', '"\udced\udca0"']
)
def test_what_is_no_json_stops_the_run(
    api: Sandbox, tmp_path: Path, value: str
) -> None:
    error = send(api, tmp_path, f'{{"id":"a","x":{value}}}').error
    assert "a body that is not JSON" in error


# Half of a character: what is left of an emoji that was cut in two


@both_ways
def test_half_a_character_is_replaced_with_a_warning(
    api: Sandbox, tmp_path: Path, settings: dict[str, Any]
) -> None:
    half = json.dumps("Done 🎉"[:-1] + "\ud83c")
    record = f'{{"id":"a","name":{half},{half}:[{half}]}}'
    outcome = send(api, tmp_path, record, **settings)
    found = received(outcome)
    assert found["name"] == "Done \ufffd"
    assert found["Done \ufffd"] == ["Done \ufffd"]
    assert outcome.err.count("half a character, for which U+FFFD is written") == 1


@given(st.text(st.characters()))
def test_all_other_characters_stay(text: str) -> None:
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    (record,) = page(json.dumps({"data": [{"text": text, text: 1}]})).records
    assert json.loads(bytes(record)) == {"text": whole, whole: 1}


# Sizes


@pytest.mark.parametrize("count", [1, 1000])
def test_a_page_may_have_a_hundred_megabytes(
    api: Sandbox, tmp_path: Path, count: int
) -> None:
    note = "n" * (100 * MEGABYTE // count)
    records = (f'{{"id":{number},"note":"{note}"}}' for number in range(count))
    outcome = send(api, tmp_path, *records)
    assert outcome.status == 0
    assert outcome.out.count(note) == count
