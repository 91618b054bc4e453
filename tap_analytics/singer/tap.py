"""A tap that belongs to a run: making one changes nothing of the process.

The SDK's own handles signals if it is made on the main thread, shares its logger with
all others, sets the level of another logger from the environment, and adds to its
class's schema. `tests/unit/singer/test_tap.py` notices when the SDK changes under this.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, ClassVar

import click
from singer_sdk import Tap
from singer_sdk.plugin_base import _ConfigInput
from singer_sdk.singerlib import Catalog
from singer_sdk.singerlib.encoding.simple import StateMessage

from tap_analytics.compat import override
from tap_analytics.errors import StoppedError
from tap_analytics.run import Run
from tap_analytics.run_logger import RunLogger
from tap_analytics.singer.catalog import checked_catalog, read_catalog
from tap_analytics.singer.messages import MessageWriter
from tap_analytics.singer.state_file import checked_state, read_state

if TYPE_CHECKING:
    from collections.abc import Collection


def run_of_command(context: click.Context | None, logger: logging.Logger) -> Run:
    """Return the run that a command is, or begin one.

    Args:
        context: The command's, `None` if there is none.
        logger: Takes what a run says that begins here.
    """
    run = context.find_object(Run) if context else None
    if run is None:
        run = Run.logging_to(logger)
        if context:
            context.obj = run
    return run


_NOISE = (
    "Parsing env var for settings config...",
    "Skipping parse of env var settings...",
    "Added '%s' as child stream to '%s'",
)
"""What the SDK logs as information, and helps only who looks for a bug."""


class _Useful(logging.Filter):
    """Lets through what is of use to users; where DEBUG is on, that is all."""

    def __init__(self, logger: logging.Logger) -> None:
        super().__init__()
        self._logger = logger

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        return record.msg not in _NOISE or self._logger.isEnabledFor(logging.DEBUG)


class _LoggerOfRun:
    """The logger: a tap's is its run's, that of the class is the process's."""

    def __get__(self, tap: RunTap | None, owner: type[RunTap]) -> logging.Logger:
        return logging.getLogger(owner.name) if tap is None else tap.run.logger


class RunTap(Tap):
    """A tap that belongs to a run.

    Args:
        run: The run; that of the command by default, or one that begins here.
        catalog: Says which streams and fields are selected.
        options: What the SDK's tap takes.

    Attributes:
        stream_names: The names of all its streams.
        explicit: The settings that are set, without those that have their default.
    """

    stream_names: ClassVar[Collection[str]] = ()

    logger = _LoggerOfRun()
    message_writer_class = MessageWriter

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        # Once and for all: the SDK would do it whenever a tap is made.
        cls.append_builtin_config(cls.config_jsonschema)

    def __init__(
        self, *, run: Run | None = None, catalog: Any = None, **options: Any
    ) -> None:
        context = click.get_current_context(silent=True)
        self.run = run or run_of_command(context, type(self).logger)
        self.explicit: dict[str, Any] = {}
        config = options.get("config")
        if isinstance(config, dict):  # Before anything is said of it.
            self.run.redaction.hide(*self.secrets(config))
        self._metrics_logger = self.run.logger.getChild("metrics")
        self.run.logger.addFilter(_Useful(self.run.logger))
        if catalog is not None and not isinstance(catalog, Catalog):
            catalog = checked_catalog(catalog, self.stream_names)
        super().__init__(catalog=catalog, **options)
        is_configured = not isinstance(self._metrics_logger.parent, RunLogger)
        is_wanted = is_configured or self.run.logger.isEnabledFor(logging.DEBUG)
        self._metrics_logger.setLevel(logging.NOTSET if is_wanted else logging.WARNING)

    @classmethod
    def secrets(cls, config: dict[str, Any]) -> list[str]:
        """Return what no log may show of settings."""
        return [
            str(config[name])
            for name, setting in cls.config_jsonschema["properties"].items()
            if setting.get("secret") and name in config
        ]

    @property
    def metrics_logger(self) -> logging.Logger:
        """Takes the METRIC lines of the run."""
        return self._metrics_logger

    @metrics_logger.setter
    def metrics_logger(self, _: logging.Logger) -> None:
        """Keep the run's own: the SDK's is that of all taps of the process."""

    @property
    def writer(self) -> MessageWriter:
        """Writes all messages of the run.

        Raises:
            TypeError: If it was made with another kind of writer.
        """
        if not isinstance(self.message_writer, MessageWriter):
            msg = f"{type(self).__name__} needs a MessageWriter"
            raise TypeError(msg)
        return self.message_writer

    @override
    def _setup_signal_handlers(self) -> None:
        """Leave signals to the command."""

    def read(self) -> None:
        """Read all streams, up to the end or until the run is told to end.

        Raises:
            StoppedError: If it was; the last STATE has been written.
            FatalAPIError: If the API refuses, or retries are used up.
        """
        self.print_version(print_fn=self.logger.info)
        try:
            self.begin()
            self.sync_all()
            self.finish()
        except StoppedError:
            if self.state:
                self.write_message(StateMessage(value=self.state))
            raise
        finally:
            self.close()

    def begin(self) -> None:
        """Look at what was read before, before anything is asked for."""

    def finish(self) -> None:
        """Raise what ended no stream, but lets the run not be complete."""

    def close(self) -> None:
        """Let go of all that the streams share."""

    @override
    def load_state(self, state: dict[str, Any]) -> None:
        super().load_state(checked_state(state))

    @classmethod
    @override
    def get_singer_command(cls) -> click.Command:
        """Return the command; its state may be a file that does not exist yet."""
        command = super().get_singer_command()
        for option in command.params:
            if option.name == "state":
                option.type = click.Path(dir_okay=False)
            if option.name == "catalog":
                option.is_eager = True  # `--test` wants to know what is selected.
        return command

    @classmethod
    @override
    def invoke(
        cls, *, about: bool = False, about_format: str | None = None, **kwargs: Any
    ) -> None:
        """Run what the command line asks for.

        Args:
            about: Whether that is no more than what the tap is.
            about_format: How to say it.
            kwargs: Else the `config`, the path of the `state`, and the `catalog` as
                an open file.
        """
        if about:
            cls.print_about(about_format)
            return
        state, catalog = kwargs.get("state"), kwargs.get("catalog")
        given = kwargs.get("config") or _ConfigInput()
        run = run_of_command(click.get_current_context(silent=True), cls.logger)
        tap = cls(
            run=run,
            config=given.config,
            state=state and read_state(state, run.logger),
            catalog=catalog and read_catalog(catalog, cls.stream_names),
            parse_env_config=given.parse_env,
        )
        tap.read()
