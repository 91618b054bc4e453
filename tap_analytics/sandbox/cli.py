"""The command line of the sandbox, derived from its options."""

from __future__ import annotations

import argparse
import asyncio
import sys
from dataclasses import fields
from typing import TYPE_CHECKING, Any, NoReturn, get_type_hints

from tap_analytics.sandbox.api import Api
from tap_analytics.sandbox.control import CONTROL_PATH
from tap_analytics.sandbox.options import Flag, SandboxOptions
from tap_analytics.sandbox.presets import PRESETS
from tap_analytics.sandbox.server import listening

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PROGRAM = "analytics-sandbox"
DEFAULTS = SandboxOptions()


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Ends with one line instead of the whole usage."""
        self.exit(1, f"{self.prog}: {message}; see {self.prog} --help\n")


def run(arguments: Sequence[str] | None = None) -> None:
    """Serves until a signal ends the process.

    Prints the base URL, and nothing else, to stdout.

    Args:
        arguments: The command line, without the program's name.

    Raises:
        SystemExit: The options make no sense, or the address can't be listened on.
    """
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.preset:
        parser.set_defaults(**PRESETS[given.preset])
        given = parser.parse_args(arguments)
    del given.preset
    try:
        options = SandboxOptions(**vars(given))
    except ValueError as error:
        parser.error(str(error))
    try:
        asyncio.run(_serve(options))
    except OSError as error:
        address = f"{options.host}:{options.port}"
        message = f"{PROGRAM}: can't listen on {address}: {error.strerror}"
        raise SystemExit(message) from None


async def _serve(options: SandboxOptions) -> None:
    async with listening(Api(options)) as url:
        print(url, flush=True)  # noqa: T201 - the one line that callers read
        # A key that was given is a secret; the default one is not.
        is_default = options.api_key == DEFAULTS.api_key
        key = f"key {options.api_key}" if is_default else "your key"
        print(  # noqa: T201 - for people
            f"{PROGRAM}: {key} in {options.api_key_header}, "
            f"counts at {url}{CONTROL_PATH}/stats, Ctrl-C ends it",
            file=sys.stderr,
        )
        await asyncio.Event().wait()


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog=PROGRAM,
        description="A local API with the made-up data of a small agency.",
    )
    parser.add_argument(
        "--preset",
        choices=tuple(PRESETS),
        help="be like this API, as far as other options don't say otherwise",
    )
    hints = get_type_hints(SandboxOptions, include_extras=True)
    for field in fields(SandboxOptions):
        flag: Flag = hints[field.name].__metadata__[0]
        name = f"--{field.name.replace('_', '-')}"
        if isinstance(field.default, bool):
            parser.add_argument(name, action="store_true", help=flag.help)
        else:
            parse = _reader(flag.parse or type(field.default))
            parser.add_argument(
                name,
                default=field.default,
                type=parse,
                choices=flag.choices,
                metavar=None if flag.choices else "VALUE",
                help=f"{flag.help}{_default(field.default)}",
            )
    return parser


def _default(value: Any) -> str:
    shown = ",".join(map(str, value)) if isinstance(value, tuple) else value
    return "" if shown in {None, ""} else f" (default: {shown})"


def _reader(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return read
