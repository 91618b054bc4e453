"""What a coordinator works with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_analytics.fleet.aftermath import Aftermath
    from tap_analytics.fleet.fleet_file import Fleet
    from tap_analytics.fleet.fleet_progress import FleetProgress
    from tap_analytics.fleet.history import AccountRecord
    from tap_analytics.fleet.ledger import Ledger
    from tap_analytics.fleet.staging import Staging
    from tap_analytics.fleet.teller import Teller


@dataclass(frozen=True)
class Parts:
    """What a coordinator works with.

    Attributes:
        fleet: What the fleet file says.
        records: What is known of each account of the run, by name.
        ledger: Takes what happens.
        staging: What is read and not loaded yet.
        teller: Tells a person, and writes the JSON lines.
        progress: The numbers of the run.
        check_lock: Raises FleetError if another run has taken over.
        aftermath: Makes up for loaders that die.
    """

    fleet: Fleet
    records: dict[str, AccountRecord]
    ledger: Ledger
    staging: Staging
    teller: Teller
    progress: FleetProgress
    check_lock: Callable[[], None]
    aftermath: Aftermath
