"""URLs of batch files are shown without what lets others read the files."""

from __future__ import annotations

import pytest

from tap_analytics.target_dlt.singer_in.batch_urls import explain, shown

SHOWN = {
    "/data/a@b?c#d.jsonl": "/data/a@b?c#d.jsonl",
    "file:///data/a@b?c.jsonl": "file:///data/a@b?c.jsonl",
    "http://h:80/b.jsonl": "http://h:80/b.jsonl",
    "http://joe:secret@h:80/b.jsonl": "http://h:80/b.jsonl",
    "ftp://joe:secret/s?e#c@r@h/b.jsonl": "ftp://h/b.jsonl",
    "http://joe:1234@h/b.jsonl": "http://h/b.jsonl",
    "https://token@h/b.jsonl": "https://h/b.jsonl",
    "https://h/b.jsonl?X-Signature=secret": "https://h/b.jsonl",
    "s3://bucket/a@b.jsonl": "s3://bucket/a@b.jsonl",
    "zip://b.jsonl::https://joe:secret@h/x?sig=1": "zip://b.jsonl::https://h/x",
}


@pytest.mark.parametrize("url", SHOWN)
def test_a_url_is_shown_without_secrets(url: str) -> None:
    assert shown(url) == SHOWN[url]


@pytest.mark.parametrize(
    "says",
    [
        "{url}: not there\nand more",
        "403, url='https://h/b?sig=a/b+c%3D'",
        "login of joe with p@ss%40word refused",
        "login of joe with p@ss@word refused",
        "key abcd1234 refused",
    ],
)
def test_an_error_shows_no_secret_of_its_url(says: str) -> None:
    url = "https://joe:p@ss%40word@h/b?sig=a%2Fb%2Bc%3D"
    options = {"client_kwargs": {"secret_key": "abcd1234"}, "anon": False}
    found = explain(OSError(says.format(url=url)), url, options)
    assert found.count("\n") == 0
    for secret in ("p@ss", "word", "a/b+c", "a%2Fb", "abcd1234"):
        assert secret not in found


def test_an_error_without_words_is_called_by_its_kind() -> None:
    assert explain(TimeoutError(), "s3://a/b", {}) == "TimeoutError"
