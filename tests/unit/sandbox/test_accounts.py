"""The sandbox as the host of many accounts, each with a key of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests

from tap_analytics.sandbox.accounts import REMEMBERED_STORES, Accounts
from tap_analytics.sandbox.options import SandboxOptions
from tap_analytics.sandbox.store import UnknownRecordError
from tests.conftest import TODAY
from tests.helpers.clocks import Clock
from tests.helpers.sandbox_client import TIMEOUT, control

if TYPE_CHECKING:
    from tap_analytics.sandbox import Sandbox
    from tests.conftest import SandboxFactory

CLIENTS = "/v1/clients"


def ask(api: Sandbox, account: int, path: str = CLIENTS) -> requests.Response:
    headers = {"X-Api-Key": api.options.key_of(account)}
    return requests.get(api.url + path, headers=headers, timeout=TIMEOUT)


def listed(api: Sandbox, account: int, path: str = CLIENTS) -> Any:
    return ask(api, account, path).json()["data"]


def test_each_account_has_data_of_its_own(sandbox: SandboxFactory) -> None:
    api = sandbox(accounts=3)
    for number in (1, 2, 3):
        assert listed(api, number) == api.account(number).truth("clients")
    assert listed(api, 1) != listed(api, 2)


def test_its_data_are_the_same_in_every_sandbox(sandbox: SandboxFactory) -> None:
    one, other = sandbox(accounts=3), sandbox(accounts=9)
    for stream in one.account(2).counts():
        assert one.account(2).truth(stream) == other.account(2).truth(stream)


@pytest.mark.parametrize("ending", ["", "-0", "-4", "-01", "-x", "-1-1"])
def test_any_other_key_is_refused(sandbox: SandboxFactory, ending: str) -> None:
    api = sandbox(accounts=3)
    headers = {"X-Api-Key": api.options.api_key + ending}
    response = requests.get(api.url + CLIENTS, headers=headers, timeout=TIMEOUT)
    assert response.status_code == 401


def test_each_account_has_a_limit_of_its_own(sandbox: SandboxFactory) -> None:
    api = sandbox(accounts=2, rate_limit=(2, 60))
    statuses = [ask(api, number).status_code for number in (1, 1, 1, 2)]
    assert statuses == [200, 200, 429, 200]
    stats = api.stats()
    assert stats.by_account == {"1": 3, "2": 1}
    assert stats.refused_by_account == {"1": 1}


def test_the_host_has_a_limit_of_all_accounts(sandbox: SandboxFactory) -> None:
    api = sandbox(accounts=3, rate_limit=(2, 60), host_rate_limit=(3, 60))
    statuses = [ask(api, number).status_code for number in (1, 2, 3, 3)]
    assert statuses == [200, 200, 200, 429]


def test_each_account_has_random_faults_of_its_own(sandbox: SandboxFactory) -> None:
    api = sandbox(accounts=2, faults=0.5, fault_kinds=("503",))
    first, second = ([ask(api, n).ok for _ in range(20)] for n in (1, 2))
    assert first != second
    api.reset()
    assert [ask(api, 2).ok for _ in range(20)] == second


def test_a_fault_can_be_scripted_for_one_account(sandbox: SandboxFactory) -> None:
    api = sandbox(accounts=2)
    api.account(2).fault(kind="403")
    assert [ask(api, number).status_code for number in (1, 2)] == [200, 403]
    control(api, "DELETE", "faults")
    control(api, "POST", "accounts/1/faults", {"kind": "503"})
    assert [ask(api, number).status_code for number in (1, 2)] == [503, 200]


def test_an_edit_is_of_one_account(sandbox: SandboxFactory) -> None:
    api = sandbox(accounts=2)
    api.account(1).add("clients", {"id": "new"})
    edit = {"op": "delete", "stream": "clients", "id": "cl:1"}
    control(api, "POST", "accounts/2/edits", edit)
    assert listed(api, 1)[-1] == {"id": "new"}
    assert control(api, "GET", "accounts/2/truth/clients") == listed(api, 2)
    assert len(listed(api, 1)) == len(listed(api, 2)) + 2


def test_an_account_that_is_not_there_is_an_error(sandbox: SandboxFactory) -> None:
    with pytest.raises(UnknownRecordError, match="no account 4"):
        sandbox(accounts=3).account(4).truth("clients")


def test_the_log_names_the_account(sandbox: SandboxFactory) -> None:
    api = sandbox(accounts=12)
    ask(api, 12)
    assert [request.account for request in api.requests()] == [12]


def test_records_of_few_accounts_are_kept_but_all_that_were_changed() -> None:
    accounts = Accounts(SandboxOptions(accounts=1_000, today=TODAY), Clock())
    changed = accounts.store_to_edit(1)
    first = accounts.store(2)
    for number in range(2, REMEMBERED_STORES + 3):
        accounts.store(number)
    assert accounts.store(1) is changed
    assert accounts.store(2) is not first
    assert accounts.store(2).truth("clients") == first.truth("clients")
