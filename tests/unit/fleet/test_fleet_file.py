"""The fleet file: what it says, and how its mistakes are told."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any

import pytest

from tap_analytics.fleet.errors import FleetFileError
from tap_analytics.fleet.fleet_file import Fleet, HostLimit, read_fleet

if TYPE_CHECKING:
    from pathlib import Path

KEY = "api_key: 'env:KEY_{ACCOUNT}'\n"


def fleet(folder: Path, text: str, **files: str) -> Fleet:
    for name, content in files.items():
        (folder / f"{name}.csv").write_text(content, encoding="utf-8")
    file = folder / "fleet.yml"
    file.write_text(text, encoding="utf-8")
    return read_fleet(file)


def mistakes(folder: Path, text: str, **files: str) -> list[str]:
    with pytest.raises(FleetFileError) as caught:
        fleet(folder, text, **files)
    return str(caught.value).splitlines()


def settings(found: Fleet) -> dict[str, dict[str, Any]]:
    return {name: dict(one.settings) for name, one in found.accounts.items()}


# What it says


def test_a_list_names_accounts(tmp_path: Path) -> None:
    found = fleet(tmp_path, f"{KEY}accounts: [acme, beta]")
    assert list(found.accounts) == ["acme", "beta"]


def test_json_is_read_too(tmp_path: Path) -> None:
    content = {"accounts": ["acme"], "api_key": "env:KEY", "tries": 3}
    found = fleet(tmp_path, json.dumps(content, indent=2))
    assert (list(found.accounts), found.tries) == (["acme"], 3)


def test_names_are_read_as_text(tmp_path: Path) -> None:
    found = fleet(tmp_path, f"{KEY}accounts: [007, no, 1.10, null, {{account: 42}}]")
    assert list(found.accounts) == ["007", "no", "1.10", "null", "42"]


def test_a_csv_file_names_accounts_and_settings(tmp_path: Path) -> None:
    csv = "account,concurrency,incremental,page_size_by_stream\n"
    csv += 'acme,4,TRUE,"{""time"": 500}"\n\nbeta,,,\n'
    found = fleet(tmp_path, f"{KEY}accounts: all.csv", all=csv)
    assert settings(found) == {
        "acme": {
            "concurrency": 4,
            "incremental": True,
            "page_size_by_stream": {"time": 500},
        },
        "beta": {},
    }


def test_a_csv_file_of_a_spreadsheet_is_read(tmp_path: Path) -> None:
    found = fleet(tmp_path, f"{KEY}accounts: a.csv", a="\ufeffaccount\r\n007\r\n")
    assert list(found.accounts) == ["007"]


def test_what_is_nearer_to_the_account_wins(tmp_path: Path) -> None:
    text = f"""{KEY}accounts: [{{account: acme, page_size: 2, concurrency: 2}}, beta]
defaults: {{page_size: 1, concurrency: 1, max_retries: 1}}
overrides: {{acme: {{concurrency: 3}}}}"""
    assert settings(fleet(tmp_path, text)) == {
        "acme": {"page_size": 2, "concurrency": 3, "max_retries": 1},
        "beta": {"page_size": 1, "concurrency": 1, "max_retries": 1},
    }


def test_an_account_may_have_its_key_elsewhere(tmp_path: Path) -> None:
    text = f"{KEY}accounts: [acme, beta]\noverrides: {{beta: {{api_key: 'file:b'}}}}"
    found = fleet(tmp_path, text)
    assert found.accounts["acme"].key.text == "env:KEY_{ACCOUNT}"
    assert found.accounts["beta"].key.text == "file:b"
    assert "api_key" not in found.accounts["beta"].settings


def test_what_is_not_set_has_a_default(tmp_path: Path) -> None:
    found = fleet(tmp_path, f"{KEY}accounts: [acme]\nrunners:\ntarget:\n")
    assert found.runners == len(os.sched_getaffinity(0))
    assert (found.state, found.staging) == ("state", "staging")
    assert (found.accounts_at_once, found.tries) == (75, 2)
    assert (found.max_seconds, found.account_column) == (36_000, "account")
    assert (found.host_limit, found.target) == (None, {})


def test_the_limit_of_the_host_is_per_second_unless_said(tmp_path: Path) -> None:
    text = f"{KEY}accounts: [acme]\nhost_limit: {{requests: 400}}"
    assert fleet(tmp_path, text).host_limit == HostLimit(400, 1)


def test_dates_and_quoted_numbers_stay_text(tmp_path: Path) -> None:
    text = (
        f"{KEY}accounts: [acme]\ndefaults: {{start_date: 2024-01-01, page_param: '1'}}"
    )
    expected = {"start_date": "2024-01-01", "page_param": "1"}
    assert settings(fleet(tmp_path, text)) == {"acme": expected}


def test_ten_thousand_accounts_are_read_in_three_seconds(tmp_path: Path) -> None:
    rows = "".join(
        f"  - {{account: c{i}, concurrency: {i % 9 + 1}}}\n" for i in range(10_000)
    )
    began = time.process_time()
    found = fleet(tmp_path, f"{KEY}accounts:\n{rows}")
    assert len(found.accounts) == 10_000
    assert time.process_time() - began < 3


# Mistakes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tries: 0", "line 3: tries must be a whole number of at least 1, not 0."),
        ("trys: 1", "line 3: there is no key 'trys' (did you mean 'tries'?)."),
        (
            "defaults:\n  page_size: many",
            (
                "line 4: defaults.page_size must be a whole number of at least 1, not "
                "'many'."
            ),
        ),
        (
            "defaults: {incremental: yes}",
            "line 3: defaults.incremental must be true or false, not 'yes'.",
        ),
        (
            "defaults: {tries: 1}",
            "line 3: tries must not be in defaults: it is a key of the whole file.",
        ),
        (
            "host_limit: {seconds: 1}",
            "line 3: host_limit.requests is missing.",
        ),
        (
            "overrides: {acne: {page_size: 1}}",
            "line 3: overrides: there is no account 'acne' (did you mean 'acme'?).",
        ),
        (
            "overrides:\n  acme:\n    page_size: 0",
            (
                "line 5: overrides.acme: page_size must be a whole number of at least "
                "1, not 0."
            ),
        ),
        (
            "overrides: {acme: 5}",
            "line 3: overrides.acme must be an object with settings of the tap.",
        ),
        (
            "account_column: 1st",
            (
                "line 3: account_column must be the name of a column: letters, digits "
                "and _, no digit in front, not '1st'."
            ),
        ),
        (
            "target: {write_disposition: append}",
            (
                "line 3: target.write_disposition must be 'merge': append would double "
                "rows, and replace would lose those of other accounts."
            ),
        ),
        (
            "target:\n  table_format: hive\n  destination: filesystem",
            (
                "line 5: target.destination must not be plain files, which can't be "
                "merged: set target.table_format to delta or iceberg."
            ),
        ),
        (
            "target: {dataset_name: 'a_{acount}'}",
            (
                "line 3: target.dataset_name may have {account} in it, but no other "
                "braces."
            ),
        ),
        ("tries: 1\ntries: 2", "line 4: tries is there already, in line 3."),
        ("tries: [", "line 4: this is not YAML: did not find expected node content."),
        ("tries: &a [*a]", "line 3: this contains itself."),
        ("? [a]\n: b", "line 3: a key must be text."),
    ],
)
def test_a_mistake_is_told_with_its_key_and_line(
    tmp_path: Path, text: str, expected: str
) -> None:
    found = mistakes(tmp_path, f"{KEY}accounts: [acme]\n{text}\n")
    assert found == [f"fleet.yml, {expected}"]


def test_a_destination_that_does_not_exist_is_told_with_its_line(
    tmp_path: Path,
) -> None:
    text = "target:\n  dataset_name: agency\n  destination: duckdbb"
    [found] = mistakes(tmp_path, f"{KEY}accounts: [acme]\n{text}\n")
    assert found.startswith(
        "fleet.yml, line 5: target.destination is wrong: dlt has no destination "
        "'duckdbb'. Did you mean 'duckdb'? It has: athena, bigquery, "
    )


@pytest.mark.parametrize("name", ["snowflake", "dlt.destinations.bigquery"])
def test_every_destination_of_dlt_will_do(tmp_path: Path, name: str) -> None:
    target = f"target: {{destination: {name}}}"
    assert fleet(tmp_path, f"{KEY}accounts: [acme]\n{target}\n").target


@pytest.mark.parametrize(
    ("accounts", "expected"),
    [
        (
            "[acme, acme]",
            "account acme is there already, in fleet.yml, line 2.",
        ),
        (
            "[a.b, a-b]",
            (
                "accounts a.b and a-b would both be A_B in the name of a variable: "
                "rename one."
            ),
        ),
        (
            "[acme, ACME]",
            (
                "accounts acme and ACME would both be ACME in the name of a variable: "
                "rename one."
            ),
        ),
        (
            "[a_B, aB]",
            (
                "accounts a_B and aB would both be a_b in the name of a dataset: "
                "rename one."
            ),
        ),
        (
            "[..]",
            (
                "the name of an account must be 1 to 63 of the characters A-Z, a-z, "
                "0-9, _, . and -, and not only dots; this is '..'."
            ),
        ),
        (
            "[{account: a, page_size: 0}]",
            "account a: page_size must be a whole number of at least 1, not 0.",
        ),
        (
            "[[a]]",
            "an account must be a name, or an object with `account`.",
        ),
    ],
)
def test_a_mistake_in_an_account_is_told_with_its_line(
    tmp_path: Path, accounts: str, expected: str
) -> None:
    assert mistakes(tmp_path, f"{KEY}accounts: {accounts}\n") == [
        f"fleet.yml, line 2: {expected}"
    ]


@pytest.mark.parametrize("name", ["a b", "a/b", "ü", "", "x" * 64, "a\\nb"])
def test_a_name_has_few_kinds_of_characters(tmp_path: Path, name: str) -> None:
    (found,) = mistakes(tmp_path, f'{KEY}accounts: ["{name}"]\n')
    assert "line 2: the name of an account must be 1 to 63 of the characters" in found


@pytest.mark.parametrize(
    ("csv", "expected"),
    [
        (
            "name\nacme\n",
            "line 1: there is no column `account` (commas separate columns).",
        ),
        (
            "account,api_key\nacme,n0b0dy-may-read-this\n",
            (
                "line 1: keys must not be in a CSV file. Remove the column, and say in "
                "the fleet file where they are, as in api_key: 'env:KEY_{ACCOUNT}'."
            ),
        ),
        (
            "account,page_sise\nacme,1\n",
            (
                "line 1: there is no setting for a column 'page_sise' (did you mean "
                "'page_size'?)."
            ),
        ),
        ("account,account\na,b\n", "line 1: there are two columns 'account'."),
        (
            "account,page_size\nacme,many\n",
            (
                "line 2: account acme: page_size must be a whole number of at least 1, "
                "not 'many'."
            ),
        ),
        (
            "account,page_size\nacme\n",
            (
                "line 2: there are 1 values for 2 columns. Put values with commas into "
                '"quotes".'
            ),
        ),
        ('account\n"acme\n', "line 2: this is not CSV: unexpected end of data."),
        (
            "account\nacme\nacme\n",
            "line 3: account acme is there already, in all.csv, line 2.",
        ),
    ],
)
def test_a_mistake_in_a_csv_file_is_told_with_its_line(
    tmp_path: Path, csv: str, expected: str
) -> None:
    found = mistakes(tmp_path, f"{KEY}accounts: all.csv\n", all=csv)
    assert found == [f"all.csv, {expected}"]


def test_a_csv_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert mistakes(tmp_path, f"{KEY}accounts: none.csv\n") == [
        (
            f"The file {tmp_path}/none.csv, which accounts names, can't be read: No "
            "such file or directory."
        )
    ]


def test_a_csv_file_without_accounts_is_refused(tmp_path: Path) -> None:
    assert mistakes(tmp_path, f"{KEY}accounts: a.csv\n", a="account\n") == [
        "fleet.yml, line 2: there are no accounts in a.csv."
    ]


def test_what_must_be_there_is_named(tmp_path: Path) -> None:
    assert mistakes(tmp_path, "tries: 1\n") == [
        "fleet.yml, line 1: accounts is missing.",
        "fleet.yml, line 1: api_key is missing.",
    ]


def test_a_key_itself_is_refused_and_not_shown(tmp_path: Path) -> None:
    text = "accounts: [acme]\napi_key: n0b0dy-may-read-this\n"
    assert mistakes(tmp_path, text) == [
        (
            "fleet.yml, line 2: api_key must say where the key is: env:NAME, file:PATH "
            "or command:LINE (the value is not shown, since it may be secret)."
        )
    ]


def test_a_file_that_is_no_object_is_refused(tmp_path: Path) -> None:
    for text in ("", "- a\n", "a\n"):
        assert mistakes(tmp_path, text) == [
            (
                "fleet.yml, line 1: a fleet file must hold keys such as accounts: and "
                "api_key:."
            )
        ]


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FleetFileError, match=r"x\.yml can't be read: No such file"):
        read_fleet(tmp_path / "x.yml")


def test_a_file_that_is_not_utf_8_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "fleet.yml").write_bytes(b"tries: 1\naccounts: [\xff]\n")
    with pytest.raises(FleetFileError, match=r"fleet\.yml, line 2: the text is not"):
        read_fleet(tmp_path / "fleet.yml")


def test_of_many_mistakes_ten_are_shown(tmp_path: Path) -> None:
    names = "".join(f"  - 'a {i}'\n" for i in range(25))
    found = mistakes(tmp_path, f"{KEY}accounts:\n{names}")
    assert len(found) == 11
    assert found[-1] == "And 15 more mistakes."
