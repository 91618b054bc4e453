"""Where the key of an account is, and how it is had from there.

A key is looked up just before its account starts, given to that account alone, and
written nowhere.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tap_analytics.fleet.errors import KeySourceError
from tap_analytics.fleet.names import variable_form
from tap_analytics.settings import KEY

if TYPE_CHECKING:
    from collections.abc import Mapping

COMMAND_SECONDS = 60.0
"""A command may take so long to tell a key."""

_KEY = re.compile(KEY)


@dataclass(frozen=True)
class KeySource:
    """Where a key is.

    Attributes:
        text: `env:NAME`, `file:PATH` or `command:LINE`, in which {account} stands for
            the account's name and {ACCOUNT} for the name as part of a variable's.
        folder: Paths are seen from here, and commands are run here.
    """

    text: str
    folder: Path

    def look_up(self, account: str, environ: Mapping[str, str] = os.environ) -> str:
        """Return the key of an account.

        Args:
            account: The account's name.
            environ: The environment.

        Raises:
            KeySourceError: If the key can't be had, or is not one.
        """
        key = self.secret(account, environ)
        if not _KEY.fullmatch(key):
            msg = (
                f"{self._place(account)} holds no valid key: it must be one line of "
                "ASCII text without spaces, after a scheme such as Bearer if the "
                "API's header wants one. The value is not shown."
            )
            raise KeySourceError(msg)
        return key

    def secret(self, account: str, environ: Mapping[str, str] = os.environ) -> str:
        """Return what is there, whether it looks like a key or not.

        Raises:
            KeySourceError: If nothing is there.
        """
        match self._scheme:
            case "env":
                text = self._from_environment(account, environ)
            case "file":
                text = self._from_file(account)
            case _:
                text = self._from_command(account, environ)
        if not (key := text.strip()):
            msg = f"{self._place(account)}, which should hold the key, is empty."
            raise KeySourceError(msg)
        return key

    @property
    def _scheme(self) -> str:
        return self.text.partition(":")[0]

    def _rest(self, account: str) -> str:
        return _filled(self.text.partition(":")[2].strip(), account)

    def _words(self, account: str) -> list[str]:
        # A name is put in after the split, so that none adds a word.
        words = shlex.split(self.text.partition(":")[2])
        return [_filled(word, account) for word in words]

    def _path(self, account: str) -> Path:
        return self.folder / Path(self._rest(account)).expanduser()

    def _place(self, account: str) -> str:
        match self._scheme:
            case "env":
                return f"The environment variable {self._rest(account)}"
            case "file":
                return f"The file {self._path(account)}"
            case _:  # Further words may be secret.
                return f"The command {self._words(account)[0]!r}"

    def _from_environment(self, account: str, environ: Mapping[str, str]) -> str:
        key = environ.get(self._rest(account))
        if key is None:
            msg = f"{self._place(account)}, which should hold the key, is not set."
            raise KeySourceError(msg)
        return key

    def _from_file(self, account: str) -> str:
        holder = f"{self._place(account)}, which should hold the key,"
        try:
            return self._path(account).read_text(encoding="utf-8")
        except OSError as error:
            msg = f"{holder} can't be read: {error.strerror}."
            raise KeySourceError(msg) from None
        except UnicodeDecodeError:
            msg = f"{holder} is not text."
            raise KeySourceError(msg) from None

    def _from_command(self, account: str, environ: Mapping[str, str]) -> str:
        place = self._place(account)
        try:
            done = subprocess.run(  # noqa: S603 - the user's own command, by design
                self._words(account),
                cwd=self.folder,
                env=dict(environ),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=COMMAND_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            msg = f"{place} gave no key within {COMMAND_SECONDS:.0f} s."
            raise KeySourceError(msg) from None
        except OSError as error:
            msg = f"{place} can't be run: {error.strerror}."
            raise KeySourceError(msg) from None
        if done.returncode:
            # What it wrote is not shown: a secret may be in it.
            msg = (
                f"{place} gave no key, and ended with status {done.returncode}. Run it "
                "by hand to see why."
            )
            raise KeySourceError(msg)
        return done.stdout.decode(errors="replace")


def _filled(text: str, account: str) -> str:
    return text.replace("{account}", account).replace(
        "{ACCOUNT}", variable_form(account)
    )
