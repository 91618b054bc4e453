"""A small agency, made up from a seed: its clients, projects, tasks, people and hours.

The same seed and date make the same records, whatever else is asked for: each list has
its own random numbers, and a longer list starts with the shorter one. Beyond the four
fields that every resource shares there is what APIs of this kind send: numbers with
decimals, whose digits are exact (`12.10`), integers beyond 2^53, booleans, nested
objects, arrays, dates, nulls, fields that are sometimes absent, non-ASCII text. Some
project ids hold characters that mean something in a URL.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

from tap_analytics.sandbox.dice import Dice
from tap_analytics.sandbox.records import Record
from tap_analytics.sandbox.words import (
    CITIES,
    CLIENT_FORMS,
    CLIENT_NAMES,
    DISCOUNTS,
    FIRST_NAMES,
    HOURS,
    LABELS,
    LAST_NAMES,
    NOTES,
    PROJECT_IDS,
    RATES,
    ROLES,
    SKILLS,
    TASK_NAMES,
    WORKS,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tap_analytics.sandbox.options import SandboxOptions

Fields = dict[str, Any]

CHILD_STREAMS = ("tasks", "time_records")
STREAMS = ("projects", *CHILD_STREAMS, "clients", "time", "users")
DAYS_BACK = 400
DAYS_OF_OLDER_HOURS = 150
SHARE_OF_THIS_MONTH = 0.4


class Agency:
    """Makes the records of each resource, list by list.

    Args:
        options: The seed, the date up to which there is data, and the sizes.
    """

    def __init__(self, options: SandboxOptions) -> None:
        self._seed = options.seed
        self._options = options
        today = options.today or datetime.now(tz=timezone.utc).date()
        self._today = today
        self._days = [
            (today - timedelta(days=days)).isoformat() for days in range(DAYS_BACK)
        ]
        self._clients = _ids("cl:{}", options.clients)
        self._users = _ids("us:{}", options.users)

    @staticmethod
    def project_id(number: int) -> str:
        """Names a project.

        Args:
            number: Its number, from 1.

        Returns:
            Its id.
        """
        return PROJECT_IDS[(number - 1) % len(PROJECT_IDS)].format(1000 + number)

    def records(self, stream: str) -> Iterator[Record]:
        """Makes the records of a top-level stream.

        Args:
            stream: `projects`, `clients`, `time` or `users`.

        Returns:
            The records, in the API's order.
        """
        options = self._options
        make, count = {
            "projects": (self._project, options.projects),
            "clients": (self._client, options.clients),
            "time": (self._time_card, options.team_time),
            "users": (self._user, options.users),
        }[stream]
        return self._make(make, count, Dice(self._seed, stream))

    def children(self, stream: str, project: int) -> Iterator[Record]:
        """Makes the records of a child stream.

        Args:
            stream: `tasks` or `time_records`.
            project: The project's number, from 1.

        Returns:
            The project's records, in the API's order.
        """
        dice = Dice(self._seed, stream, project)
        options = self._options
        make, count = {
            "tasks": (self._task, options.tasks),
            "time_records": (self._time_record, options.time_records),
        }[stream]
        return self._make(partial(make, project), count, dice)

    def _make(
        self, make: Callable[[Dice, int], Fields], count: int, dice: Dice
    ) -> Iterator[Record]:
        since_field = self._options.since_field
        return (
            Record.of(make(dice, number), since_field) for number in range(1, count + 1)
        )

    def _client(self, dice: Dice, number: int) -> Fields:
        city, country = dice.pick(CITIES)
        name = CLIENT_NAMES[(number - 1) % len(CLIENT_NAMES)]
        return {
            "id": f"cl:{number}",
            "name": f"{name} {dice.pick(CLIENT_FORMS)}",
            "createdAt": self._moment(dice, dice.below(DAYS_BACK)),
            **_status(dice, ("active", "active", "archived")),
            "vip": dice.chance(0.2),
            "discountPercent": dice.pick(DISCOUNTS),
            "paymentTermDays": dice.pick((14, 30, 60)),
            "firstContact": dice.maybe(0.8, dice.pick(self._days)),
            "address": {
                "street": f"Hauptstraße {dice.below(200) + 1}",
                "city": city,
                "country": country,
            },
            "contacts": [
                {"name": name, "primary": not index}
                for index, name in enumerate(dice.some(FIRST_NAMES, 3))
            ],
            "notes": dice.maybe(0.3, dice.pick(NOTES)),
        }

    def _user(self, dice: Dice, number: int) -> Fields:
        first = FIRST_NAMES[(number - 1) % len(FIRST_NAMES)]
        return {
            "id": f"us:{number}",
            "name": f"{first} {dice.pick(LAST_NAMES)}",
            "createdAt": self._moment(dice, dice.below(DAYS_BACK)),
            **_status(dice, ("active", "active", "active", "invited", "left")),
            "email": f"user{number}@agency.example",
            "role": dice.pick(ROLES),
            "remote": dice.chance(0.5),
            "weeklyHours": dice.pick((Decimal("38.50"), Decimal("40.00"), 20)),
            "hourlyRate": dice.pick(RATES),
            "utilisation": Decimal(dice.below(10**19)) / 10**19,
            "startDate": dice.pick(self._days),
            "manager": dice.maybe(0.7, dice.pick(self._users)),
            "skills": dice.some(SKILLS, 4),
            "settings": {
                "locale": dice.pick(("de-DE", "en-IE", "pt-BR")),
                "notifications": {"email": dice.chance(0.6), "digest": "weekly"},
            },
        }

    def _project(self, dice: Dice, number: int) -> Fields:
        client = dice.below(len(self._clients)) if self._clients else 0
        work = WORKS[(number - 1) % len(WORKS)]
        return {
            "id": self.project_id(number),
            "name": f"{work} · {CLIENT_NAMES[client % len(CLIENT_NAMES)]}",
            "createdAt": self._moment(dice, dice.below(DAYS_BACK)),
            **_status(dice, ("open", "open", "on hold", "closed")),
            "client": self._clients[client] if self._clients else None,
            "billable": dice.chance(0.8),
            "budget": dice.maybe(
                0.8,
                {
                    "type": "money",
                    "amount": dice.pick(RATES) * (dice.below(400) + 10),
                    "currency": dice.pick(("EUR", "CHF", "BRL")),
                    "alerts": [50, 80],
                },
            ),
            "dueDate": dice.maybe(0.6, dice.pick(self._days)),
            "invoiceNumber": 2**53 + number,
            "members": dice.some(self._users, 4),
            "tags": dice.some(LABELS, 3),
        }

    def _task(self, project: int, dice: Dice, number: int) -> Fields:
        return {
            "id": f"ta:{project}-{number}",
            "name": TASK_NAMES[(number - 1) % len(TASK_NAMES)],
            "createdAt": self._moment(dice, dice.below(DAYS_BACK)),
            **_status(dice, ("open", "in progress", "done")),
            "position": number,
            "estimatedHours": dice.maybe(0.7, dice.pick(HOURS) * 4),
            "billable": dice.chance(0.8),
            "dueOn": dice.maybe(0.5, dice.pick(self._days)),
            "assignees": dice.some(self._users, 2),
            "labels": dice.some(LABELS, 2),
            "custom": {"priority": dice.pick(("low", "high")), "sprint": number},
        }

    def _time_record(self, project: int, dice: Dice, number: int) -> Fields:
        worked = self._worked_days_ago(dice)
        # Entries are often made later than the work they are for.
        entered = min(worked, dice.below(10)) if dice.chance(0.3) else 0
        busiest = 4 + project * 7 % (len(HOURS) - 4)
        hours, rate = HOURS[dice.below(busiest)], dice.pick(RATES)
        task = dice.below(self._options.tasks) + 1
        return {
            "id": f"ti:{project}-{number}",
            "name": dice.maybe(0.6, dice.pick(NOTES)),
            "createdAt": self._moment(dice, worked - entered),
            **_status(dice, ("approved", "submitted")),
            "date": self._days[worked],
            "hours": hours,
            "seconds": int(hours * 3600),
            "billable": dice.chance(0.8),
            "cost": {"amount": _cents(hours * rate), "currency": "EUR"},
            "user": dice.pick(self._users) if self._users else None,
            "task": f"ta:{project}-{task}" if self._options.tasks else None,
            "labels": dice.some(LABELS, 2),
            "locked": dice.maybe(0.9, dice.chance(0.5)),
        }

    def _time_card(self, dice: Dice, number: int) -> Fields:
        worked = self._worked_days_ago(dice)
        pause = dice.pick((0, 30, 45, 60))
        start, length = 420 + dice.below(180), 240 + dice.below(300)
        return {
            "id": f"tc:{number}",
            "name": dice.maybe(0.2, dice.pick(NOTES)),
            "createdAt": self._moment(dice, worked),
            **_status(dice, ("approved", "open")),
            "date": self._days[worked],
            "user": dice.pick(self._users) if self._users else None,
            "clockIn": _clock(start),
            "clockOut": dice.maybe(0.95, _clock(start + length + pause)),
            "breakMinutes": pause,
            "hours": _cents(Decimal(length) / 60),
            "remote": dice.chance(0.4),
            "breaks": [{"at": _clock(start + 240), "minutes": pause}] if pause else [],
        }

    def _worked_days_ago(self, dice: Dice) -> int:
        if dice.roll() < SHARE_OF_THIS_MONTH:
            return dice.below(self._today.day)
        return self._today.day + dice.below(DAYS_OF_OLDER_HOURS)

    def _moment(self, dice: Dice, days_ago: int) -> str:
        # What was made today was made just after midnight, so that it is past by now.
        hour = 7 + dice.below(12) if days_ago else 0
        minute, second = dice.below(60), dice.below(60)
        return f"{self._days[days_ago]}T{hour:02}:{minute:02}:{second:02}Z"


def _ids(pattern: str, count: int) -> list[str]:
    return [pattern.format(number) for number in range(1, count + 1)]


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"))


def _status(dice: Dice, statuses: Sequence[str]) -> Fields:
    status = dice.maybe(0.92, dice.pick(statuses))
    return {"status": status} if dice.chance(0.92) else {}
