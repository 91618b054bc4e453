"""Names of accounts."""

from __future__ import annotations

from dlt.common.normalizers.naming.snake_case import NamingConvention
from hypothesis import example, given
from hypothesis import strategies as st

from tap_analytics.fleet import names

NAMES = st.from_regex(r"[A-Za-z0-9_.-]{1,20}", fullmatch=True)


def test_a_name_in_a_variable_is_upper_case_with_underscores() -> None:
    assert names.variable_form("big-corp.eu_1") == "BIG_CORP_EU_1"


@given(NAMES)
@example("JSONData")
@example("1a-")
@example("a__b")
@example("-")
def test_a_name_in_a_dataset_is_as_dlt_makes_it(name: str) -> None:
    made_by_dlt = NamingConvention().normalize_table_identifier(name)
    assert names.dataset_form(name) == made_by_dlt


def test_a_name_of_dots_is_not_valid() -> None:
    assert not names.is_valid(".")
    assert not names.is_valid("..")
    assert names.is_valid("..a")
