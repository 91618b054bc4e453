"""The sandbox as a process of its own, so that its work counts for nobody else."""

from __future__ import annotations

import subprocess
import sys
import urllib.request
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

API_KEY = "sandbox-key"

# A proxy of the environment can't reach this machine.
_open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open


class Stats(msgspec.Struct, frozen=True):
    """Of the sandbox's counts, those that are compared.

    Attributes:
        requests: All requests, refused ones too.
        refused: Requests refused by the rate limit: answered 429.
    """

    requests: int
    refused: int


class SandboxProcess:
    """A sandbox with all its data made, from entering to leaving.

    Args:
        options: Its command line: `latency=0.05` is `--latency 0.05`.

    Attributes:
        url: Its base URL.
    """

    def __init__(self, **options: object) -> None:
        self._command = [sys.executable, "-m", "tap_analytics.sandbox", "--eager"]
        for name, value in options.items():
            self._command += [f"--{name.replace('_', '-')}", str(value)]
        self.url = ""

    def __enter__(self) -> Self:
        """Start it, and wait until it answers.

        Raises:
            RuntimeError: If it doesn't start.
        """
        self._process = subprocess.Popen(
            self._command,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        out = self._process.stdout
        self.url = out.readline().strip() if out else ""
        if not self.url:
            msg = f"the sandbox did not start: {' '.join(self._command)}"
            raise RuntimeError(msg)
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop it."""
        with self._process:
            self._process.terminate()

    def reset(self) -> None:
        """Let the counts start from zero."""
        self._ask("POST", "reset")

    def stats(self) -> Stats:
        """Return the counts since the last reset."""
        return msgspec.json.decode(self._ask("GET", "stats"), type=Stats)

    def counts(self) -> dict[str, int]:
        """Return how many records each stream has."""
        return msgspec.json.decode(self._ask("GET", "counts"), type=dict[str, int])

    def _ask(self, method: str, what: str) -> bytes:
        request = urllib.request.Request(  # noqa: S310 - http, to this machine
            f"{self.url}/_sandbox/{what}", method=method
        )
        with _open(request) as response:
            body: bytes = response.read()
        return body
