"""What `analytics-load` and its child say to each other besides Singer's messages."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

END_TYPE = "END"

END = json.dumps({"type": END_TYPE}).encode() + b"\n"
"""The last message of an input that is whole."""


@dataclass(frozen=True)
class Greeting:
    """The first line of the child.

    Attributes:
        loads_into: What stands for the tables that it loads into.
        has_tables: Whether there are any, of earlier loads.
    """

    loads_into: str
    has_tables: bool

    def line(self) -> str:
        """Return it as a line, without its end."""
        return json.dumps(asdict(self))

    @classmethod
    def of(cls, line: bytes) -> Greeting | None:
        """Return what a line says; `None` if it is no greeting."""
        try:
            return cls(**json.loads(line))
        except (ValueError, TypeError):
            return None
