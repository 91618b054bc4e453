"""A tap whose `--test` ends with a verdict.

The SDK's own test ends with the first error, and says nothing of what it saw.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from singer_sdk.tap_base import CliTestOptionValue

from tap_analytics.compat import override
from tap_analytics.singer.tap import RunTap

if TYPE_CHECKING:
    import click


class VerdictTap(RunTap):
    """A tap whose `--test` ends with a verdict."""

    @classmethod
    @override
    def cb_test(cls, ctx: click.Context, param: click.Option, value: str) -> None:
        """Read one record of each stream, and tell what was found out.

        Raises:
            FatalAPIError: If a stream can't be read.
        """
        if value != CliTestOptionValue.All.value:
            super().cb_test(ctx, param, value)
            return
        from tap_analytics.singer.connection_test import (  # noqa: PLC0415 - here alone
            give_verdict,
        )

        give_verdict(cls, ctx)
        ctx.exit()
