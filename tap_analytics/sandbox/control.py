"""The control path: what tests and benchmarks read and change, over HTTP.

Everything below `/_sandbox/`, on the same port, without a key, is JSON, and neither
counted nor limited nor struck by faults:

| request | what it does |
|---|---|
| `GET /_sandbox/stats` | counts since the last reset, see `Stats` |
| `GET /_sandbox/requests` | the log of requests, see `LoggedRequest` |
| `POST /_sandbox/reset` | counts, log and random faults start from zero |
| `GET /_sandbox/counts` | records by stream |
| `GET /_sandbox/truth/{stream}` | all records, in order; children with `project_id` |
| `POST /_sandbox/edits` | an `Edit`: `{"op": "delete", "stream": "users", "id": …}` |
| `GET /_sandbox/faults` | the scripted faults |
| `POST /_sandbox/faults` | adds a `Rule`: `{"path": "/v1/clients", "kind": "503"}` |
| `DELETE /_sandbox/faults` | removes all |

Of several rules for a request the one added first strikes; when it is used up, the
next. `Sandbox` has the same operations as methods.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from tap_analytics.sandbox.answers import Answer, error_answer, json_answer
from tap_analytics.sandbox.faults import Rule
from tap_analytics.sandbox.store import Edit, UnknownRecordError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_analytics.sandbox.api import Api
    from tap_analytics.sandbox.meter import LoggedRequest, Stats

CONTROL_PATH = "/_sandbox"

_decode_edit = msgspec.json.Decoder(Edit, float_hook=Decimal).decode
_decode_rule = msgspec.json.Decoder(Rule, float_hook=Decimal).decode


class Control:
    """What can be read and changed from outside the API.

    Args:
        api: The API.
    """

    def __init__(self, api: Api) -> None:
        self._api = api
        self._routes: dict[tuple[str, str], Callable[[bytes], Any]] = {
            ("GET", "stats"): lambda _: self.stats(),
            ("GET", "requests"): lambda _: self.requests(),
            ("POST", "reset"): lambda _: self.reset(),
            ("GET", "counts"): lambda _: self.counts(),
            ("POST", "edits"): lambda body: self.edit(_decode_edit(body)),
            ("GET", "faults"): lambda _: self.faults(),
            ("POST", "faults"): lambda body: self.fault(_decode_rule(body)),
            ("DELETE", "faults"): lambda _: self.clear_faults(),
        }

    def stats(self) -> Stats:
        """Reads the counts."""
        return self._api.meter.stats()

    def requests(self) -> list[LoggedRequest]:
        """Reads the log of requests."""
        return self._api.meter.requests()

    def reset(self) -> None:
        """Starts counts, log and random faults from zero."""
        self._api.meter.reset()
        self._api.chance.reset()

    def counts(self) -> dict[str, int]:
        """Counts the records of each stream."""
        return self._api.store.counts()

    def truth(self, stream: str) -> list[dict[str, Any]]:
        """Reads all records of a stream, see `Store.truth`."""
        return self._api.store.truth(stream)

    def edit(self, edit: Edit) -> None:
        """Changes the data, see `Store.edit`."""
        self._api.store.edit(edit)

    def faults(self) -> list[Rule]:
        """Lists the scripted faults."""
        return list(self._api.rules)

    def fault(self, rule: Rule) -> None:
        """Adds a scripted fault."""
        self._api.rules.append(rule)

    def clear_faults(self) -> None:
        """Removes all scripted faults."""
        self._api.rules.clear()

    def answer(self, method: str, path: str, body: bytes) -> Answer:
        """Answers a request to the control path.

        Args:
            method: The method.
            path: The raw path.
            body: The body.

        Returns:
            What was asked for, or an error as the API words it.
        """
        operation = path[len(CONTROL_PATH) + 1 :]
        try:
            if method == "GET" and operation.startswith("truth/"):
                return json_answer(self.truth(operation[len("truth/") :]))
            if (method, operation) not in self._routes:
                return error_answer(404, "There is no such control.")
            return json_answer(self._routes[method, operation](body))
        except UnknownRecordError as error:
            return error_answer(404, str(error))
        except (msgspec.MsgspecError, ValueError) as error:
            return error_answer(400, str(error))
