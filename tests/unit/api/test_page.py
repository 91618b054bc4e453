"""A response body: its records, its envelope, and what is said when it has none."""

from __future__ import annotations

import json
import re
import tracemalloc
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from tap_analytics.api.answer import Answer
from tap_analytics.api.page import Page, plain_path
from tap_analytics.errors import FatalAPIError, RetriableAPIError
from tap_analytics.json_text import shown


def answer(body: bytes | str, **headers: str) -> Answer:
    return Answer(
        "https://api.example.com/v1/users",
        headers=CaseInsensitiveDict(
            {name.replace("_", "-"): value for name, value in headers.items()}
        ),
        body=body.encode() if isinstance(body, str) else body,
    )


def page(body: bytes | str, selector: str = "data") -> Page:
    return Page(answer(body), selector)


def texts(body: bytes | str, selector: str = "data") -> list[str]:
    return [bytes(record).decode() for record in page(body, selector).records]


def refusal(body: bytes | str, selector: str = "data") -> str:
    with pytest.raises(FatalAPIError) as caught:
        _ = page(body, selector).records
    return str(caught.value)


# The selector


@pytest.mark.parametrize(
    ("selector", "keys"),
    [
        ("data", ("data",)),
        ("$.data", ("data",)),
        ("data[*]", ("data",)),
        ("$.data[*]", ("data",)),
        (" result.items ", ("result", "items")),
        ("time-records", ("time-records",)),
        ("größe", ("größe",)),
        ("$", ()),
        ("$[*]", ()),
    ],
)
def test_a_path_of_keys_is_walked_key_by_key(
    selector: str, keys: tuple[str, ...]
) -> None:
    assert plain_path(selector) == keys


@pytest.mark.parametrize(
    "selector", ["data[*].node", "$..items", "data[0]", "result['my items']", "*"]
)
def test_anything_else_is_a_real_jsonpath(selector: str) -> None:
    assert plain_path(selector) is None


# Records


@pytest.mark.parametrize(
    ("body", "selector"),
    [
        ('{"data": [{"id": 1}, {"id": 2}]}', "data"),
        ('{"data": [{"id": 1}, {"id": 2}]}', "$.data[*]"),
        ('[{"id": 1}, {"id": 2}]', "$"),
        ('[{"id": 1}, {"id": 2}]', "$[*]"),
        ('{"result": {"items": [{"id": 1}, {"id": 2}]}}', "result.items"),
        ('{"data": [{"node": {"id": 1}}, {"node": {"id": 2}}]}', "data[*].node"),
        ('[{"node": {"id": 1}}, {"node": {"id": 2}}]', "$[*].node"),
        ('{"result": {"my items": [{"id": 1}, {"id": 2}]}}', "result['my items']"),
        ('{"result": {"items": [{"id": 1}, {"id": 2}]}}', "$..items"),
    ],
)
def test_records_are_where_the_selector_says(body: str, selector: str) -> None:
    assert list(map(json.loads, texts(body, selector))) == [{"id": 1}, {"id": 2}]


@pytest.mark.parametrize(
    ("body", "selector"),
    [
        ('{"data": []}', "data"),
        ("[]", "$"),
        ('{"result": {"items": []}}', "result.items"),
        ('{"data": []}', "data[*].node"),
        ("[]", "$[*].node"),
        ('{"result": {"my items": []}}', "result['my items']"),
        ('{"result": {"items": []}}', "$..items"),
        ('{"data": [{"active": false}]}', "data[?(@.active==true)]"),
    ],
)
def test_an_empty_list_holds_no_records(body: str, selector: str) -> None:
    assert texts(body, selector) == []


@pytest.mark.parametrize("body", ['{"data": null}', '{"data": null, "total": 0}'])
def test_null_stands_for_no_records(body: str) -> None:
    assert texts(body) == []


@pytest.mark.parametrize("key", ["message", "detail", "msg"])
def test_null_beside_a_message_does_not(key: str) -> None:
    with pytest.raises(RetriableAPIError, match=f"with null beside {key}: 'Oops'"):
        page(f'{{"data": null, "{key}": "Oops"}}')


@pytest.mark.parametrize("selector", ["data", "data[*]", "$.data"])
def test_neither_does_an_empty_list_beside_words_of_failure(selector: str) -> None:
    with pytest.raises(RetriableAPIError, match="an empty list beside msg: 'busy'"):
        page('{"data": [], "msg": "busy"}', selector)


def test_with_records_an_answer_is_one_whatever_is_beside_it() -> None:
    assert page('{"data": [{"id": 1}], "msg": "busy", "errno": 5}').doubt == ""


def test_an_empty_list_beside_other_words_is_in_doubt() -> None:
    assert "an empty list beside msg: 'Aye'" in page('{"data": [], "msg": "Aye"}').doubt


def test_a_record_is_the_text_that_the_api_sent() -> None:
    record = '{"id":12345678901234567890.10, "x" : "\\u00fc\\/", "n":[ 1e5,{ }]}'
    assert texts(f'{{"data": [{record}]}}') == [record]


@pytest.mark.parametrize("number", ["0.10", "1.1000000000000000000001", "1" * 40])
def test_a_jsonpath_keeps_the_digits_of_numbers(number: str) -> None:
    body = f'{{"data": [{{"node": {{"hours": {number}}}}}]}}'
    assert texts(body, "data[*].node") == [f'{{"hours":{number}}}']


@pytest.mark.parametrize(
    "said",
    [
        '"error": "Something broke."',
        '"error": {"code": 17}',
        '"errors": ["Something broke."]',
        '"errors": [{"message": "Something broke."}]',
        '"success": false',
        '"ok": false',
    ],
)
@pytest.mark.parametrize("data", ["null", "[]", '[{"id": 1}]'])
def test_no_records_are_taken_beside_an_error(said: str, data: str) -> None:
    body = f'{{"data": {data}, {said}}}'
    with pytest.raises(RetriableAPIError, match="answered 200, but reports an error"):
        page(body)


@pytest.mark.parametrize(
    "said",
    [
        '"error": null',
        '"error": ""',
        '"error": false',
        '"error": {"code": 0, "message": ""}',
        '"errors": []',
        '"errors": 0',
        '"success": true',
        '"ok": 1',
        '"message": "OK"',
    ],
)
def test_no_error_is_none(said: str) -> None:
    assert texts(f'{{"data": [{{"id": 1}}], {said}}}') == ['{"id": 1}']


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("selector", ["data", "data[*].node"])
def test_the_records_of_an_indented_body_hold_no_line_ends(
    line_end: str, selector: str
) -> None:
    node = {"id": 1, "node": {"id": "a\nb", "nested": {"tags": [1, {"x": 2.50}]}}}
    body = json.dumps({"data": [node]}, indent=2).replace("\n", line_end)
    (text,) = texts(body, selector)
    assert not re.search("[\r\n]", text)
    assert json.loads(text) == (node if selector == "data" else node["node"])


@pytest.mark.parametrize("before", ["\ufeff", " " * 100, "\n" * 100, "\t\r\n "])
def test_what_may_stand_before_json_is_skipped(before: str) -> None:
    assert texts(f'{before}{{"data": [{{"id": 1}}]}} \n') == ['{"id": 1}']


@pytest.mark.parametrize("before", range(3))
def test_a_large_body_may_have_any_characters_anywhere(before: int) -> None:
    record = f'{{"id": "{"x" * before}{"€" * 100_000}"}}'
    assert texts(f'{{"data": [{record}]}}') == [record]


def test_a_large_body_is_in_memory_once() -> None:
    whole = answer(f'{{"data": [{{"id": "{"€" * 1_000_000}"}}]}}')
    tracemalloc.start()
    assert len(Page(whole).records) == 1
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < len(whole.body) / 4


# The envelope


def test_the_envelope_is_the_body_without_its_records() -> None:
    body = '{"meta": {"total": 2, "rate": 0.10}, "result": {"items": [1], "next": "x"}}'
    assert page(body, "result.items").envelope == {
        "meta": {"total": 2, "rate": Decimal("0.10")},
        "result": {"next": "x"},
    }


@pytest.mark.parametrize("selector", ["$", "$[*].node"])
def test_a_top_level_array_has_no_envelope(selector: str) -> None:
    assert page("[]", selector).envelope == {}


# What is no page

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), JSON, min_size=1), st.data(), st.booleans())
def test_a_body_cut_off_anywhere_may_come_whole_the_next_time(
    sent: dict[str, Any],
    data: st.DataObject,
    ascii_only: bool,  # noqa: FBT001 - drawn by hypothesis
) -> None:
    body = json.dumps(sent, ensure_ascii=ascii_only).encode()
    cut = data.draw(st.integers(0, len(body) - 1))
    with pytest.raises(RetriableAPIError, match="not JSON"):
        page(body[:cut])


@pytest.mark.parametrize(
    "body", [b"", b"<html></html>", b"null x", b'{"data": ["\xff"]}', b"NaN", b"{'a'}"]
)
def test_a_body_that_is_no_json_is_shown(body: bytes) -> None:
    with pytest.raises(RetriableAPIError) as caught:
        page(body)
    message = str(caught.value)
    assert "GET https://api.example.com/v1/users answered 200" in message
    assert shown(body) in message
    assert "api_url" in message
    assert "path_prefix" in message


def test_the_place_of_what_is_not_utf_8_is_told_in_a_large_body() -> None:
    body = b'{"data": [{"id": "' + b"x" * 1_000_000
    with pytest.raises(RetriableAPIError, match=f"in position {len(body)}"):
        page(body + b'\xff"}]}')


def test_a_body_nested_too_deeply_is_no_page() -> None:
    with pytest.raises(FatalAPIError, match="nested too deeply"):
        page('{"data": ' + "[" * 100_000 + "]" * 100_000 + "}")


def test_fifty_levels_of_nesting_are_not_too_deep() -> None:
    record = '{"a":' * 50 + "1" + "}" * 50
    assert texts(f'{{"data": [{record}]}}') == [record]


@pytest.mark.parametrize(
    ("body", "selector", "says"),
    [
        ('{"data": []}', "items", "has the keys data: set data_selector to 'data'"),
        ("[]", "data", "is a top-level array: set data_selector to '$'"),
        ('{"data": {"id": 1}}', "data", "has the keys data: set data_selector to wh"),
        ('{"a": {"b": []}}', "data", "has the keys a: set data_selector to 'a.b'"),
        ('{"a": {"b": []}, "c": []}', "d", "set data_selector to 'c' or 'a.b'"),
        ("{}", "data", "has the keys none"),
        ("null", "$", "is 'null'"),
        ('"text"', "data", "is '\"text\"'"),
        ('{"data": [{"nod": 1}]}', "data[*].node", "has the keys data"),
        ('[{"nod": 1}]', "$[*].node", "is a top-level array"),
        ('{"data": {"id": 1}}', "$", "has the keys data"),
    ],
)
def test_a_selector_that_finds_nothing_is_answered_with_what_is_there(
    body: str, selector: str, says: str
) -> None:
    message = refusal(body, selector)
    assert f"data_selector {selector!r} finds no list of records" in message
    assert message.startswith("GET https://api.example.com/v1/users: ")
    assert says in message


@pytest.mark.parametrize("selector", ["data[", "my items", "data[?(]"])
def test_a_selector_that_is_no_jsonpath_is_named(selector: str) -> None:
    message = refusal('{"data": []}', selector)
    assert f"data_selector {selector!r} is not a JSONPath" in message


@given(
    st.recursive(
        st.just([{"id": 1}]) | st.integers(),
        lambda inner: st.dictionaries(st.text(min_size=1), inner, max_size=3),
    )
)
def test_every_selector_that_is_proposed_finds_the_records(items: Any) -> None:
    body = json.dumps({"result": items})
    message = refusal(body, "data")
    for proposal in re.findall("'([^']*)'", message.partition(" to ")[2]):
        assert texts(body, proposal) == ['{"id": 1}']


@pytest.mark.parametrize(
    "beside",
    [
        '"meta": ' + '{"meta": ' * 5_000 + "1" + "}" * 5_000,
        '"other": ' + "[" * 5_000 + "]" * 5_000,
    ],
)
def test_a_body_nested_too_deeply_beside_its_records_is_no_page(beside: str) -> None:
    with pytest.raises(FatalAPIError, match="nested too deeply"):
        page(f'{{"data": [], {beside}}}')


def test_of_an_object_with_an_id_as_each_key_the_first_are_shown() -> None:
    message = refusal(json.dumps({str(number): {} for number in range(10_000)}))
    assert "has the keys 0, 1, 2," in message
    assert ", 19, …: set data_selector" in message


def test_keys_of_any_kind_leave_one_line() -> None:
    message = refusal(json.dumps({"a\nb": 1, "\x1b[2J": 2, "x" * 9_000: 3, "c, d": 4}))
    assert message.isprintable()
    assert len(message) < 500
    assert r"has the keys 'a\nb', '\x1b[2J', xxx" in message


def test_so_many_lists_are_proposed_and_no_more() -> None:
    message = refusal(json.dumps({f"list{number}": [] for number in range(10_000)}))
    assert message.count(" or ") < 20


def test_a_long_error_is_cut() -> None:
    with pytest.raises(RetriableAPIError) as caught:
        page(json.dumps({"data": [], "errors": ["x" * 1_000_000]}))
    assert len(str(caught.value)) < 500


# What is shown of a body


def test_of_a_body_the_first_200_characters_are_shown() -> None:
    assert shown(("ü" * 300).encode()) == repr("ü" * 200)
    assert shown(("😀" * 300).encode()) == repr("😀" * 200)


def test_a_body_is_shown_as_one_line() -> None:
    assert shown(b"<html>\n  <p>\r\n\tBusy</p>") == "'<html> <p> Busy</p>'"


def test_control_characters_of_a_body_are_escaped() -> None:
    assert shown(b"\x1b[2J\x00") == r"'\x1b[2J\x00'"


@pytest.mark.parametrize("body", [b"", b" \n"])
def test_an_empty_body_is_called_so(body: bytes) -> None:
    assert shown(body) == "an empty body"
