"""The control path: the operations over HTTP.

Everything below `/_sandbox/`, on the same port, without a key, is JSON, and neither
counted nor limited nor struck by faults. `GET /_sandbox/` lists what there is; some
examples:

| request | what it does |
|---|---|
| `GET /_sandbox/truth/tasks` | all records of a stream, in order |
| `POST /_sandbox/edits` | an `Edit`: `{"op": "delete", "stream": "users", "id": …}` |
| `POST /_sandbox/faults` | adds a `Rule`: `{"path": "/v1/clients", "kind": "503"}` |
| `GET /_sandbox/accounts/17/truth/tasks` | the same of one of the accounts |
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from tap_analytics.sandbox.answers import Answer, error_answer, json_answer
from tap_analytics.sandbox.operations import ROUTES, Operations
from tap_analytics.sandbox.store import UnknownRecordError

if TYPE_CHECKING:
    from tap_analytics.sandbox.api import Api

CONTROL_PATH = "/_sandbox"
OF_AN_ACCOUNT = re.compile("accounts/([0-9]{1,9})/(.*)")


class UnknownControlError(LookupError):
    """The control path has nothing there."""


class Control:
    """What can be read and changed from outside the API.

    Args:
        api: The API.
    """

    def __init__(self, api: Api) -> None:
        self._operations = Operations(api)

    def answer(self, method: str, path: str, body: bytes) -> Answer:
        """Answers a request to the control path.

        Args:
            method: The method.
            path: The raw path.
            body: The body.

        Returns:
            What was asked for, or an error as the API words it.
        """
        try:
            return json_answer(self._run(method, path[len(CONTROL_PATH) + 1 :], body))
        except (UnknownControlError, UnknownRecordError) as error:
            return error_answer(404, str(error))
        except (msgspec.MsgspecError, ValueError) as error:
            return error_answer(400, str(error))

    def _run(self, method: str, operation: str, body: bytes) -> Any:
        if (method, operation) == ("GET", ""):
            return _list()
        operations = self._operations
        if found := OF_AN_ACCOUNT.fullmatch(operation):
            operations, operation = operations.account(int(found[1])), found[2]
        name, _, rest = operation.partition("/")
        route = ROUTES.get((method, name))
        if route is None or bool(rest) != (route.takes is str):
            message = "There is no such control."
            raise UnknownControlError(message)
        if route.takes is None:
            return route.run(operations)
        if route.takes is str:
            return route.run(operations, rest)
        decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(
            route.takes, float_hook=Decimal
        )
        return route.run(operations, decoder.decode(body))


def _list() -> dict[str, str]:
    return {
        f"{method} {CONTROL_PATH}/{name}": (route.run.__doc__ or "").partition("\n")[0]
        for (method, name), route in ROUTES.items()
    }
