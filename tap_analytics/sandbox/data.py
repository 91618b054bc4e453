"""A small agency, made up from a seed: its clients, projects, tasks, people and hours.

The same seed and date make the same records, whatever else is asked for: each list has
its own random numbers, and a longer list starts with the shorter one. Beyond the four
fields that every resource shares there is what APIs of this kind send: numbers with
decimals, whose digits are exact (`12.10`), integers beyond 2^53, booleans, nested
objects, arrays, dates, nulls, fields that are sometimes absent, non-ASCII text. Some
project ids hold characters that mean something in a URL.
"""

from __future__ import annotations

import random
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tap_analytics.sandbox.options import SandboxOptions

T = TypeVar("T")
Fields = dict[str, Any]

CHILD_STREAMS = ("tasks", "time_records")
STREAMS = ("projects", *CHILD_STREAMS, "clients", "time", "users")
DAYS_BACK = 400
DAYS_OF_OLDER_HOURS = 150
SHARE_OF_THIS_MONTH = 0.4
MILLISECONDS_FROM = 1e11

PROJECT_IDS = (
    "as:{}",
    "ws/{}",
    "bü-{}",
    "{}",
    "r&d {}?",
    "50%-{}",
    "pr_{}",
    "pr_{}#b+",
)
CLIENT_NAMES = (
    "Müller & Söhne",
    "Blue Harbour",
    "Café Zoë",
    "Nordlicht Energie",
    'Hôtel "Belle Rive"',
    "Kowalczyk Meble",
    "東京デザイン",
    "O'Brien Legal",
    "Green Valley Foods",
    "Ångström Labs",
)
CLIENT_FORMS = ("GmbH", "Ltd", "S.A.", "AB", "LLC", "e.V.")
WORKS = (
    "Website relaunch",
    "Brand refresh",
    "Online shop",
    "Annual report",
    "Mobile app",
    "Campaign “Frühling”",
    "Data warehouse",
    "Support retainer",
    "Trade fair stand",
)
TASK_NAMES = (
    "Kick-off workshop",
    "Wireframes",
    "Übersetzung prüfen",
    "API integration",
    "Usability test",
    "Fix <title> & meta tags",
    "Photo shooting 📷",
    "Content migration",
    "Invoice 50 % up front",
    "Launch",
)
NOTES = (
    "Call with the client",
    "Second round of changes\nafter feedback",
    'They said "urgent"',
    "Späte Korrekturen, nicht abrechnen",
    "Pairing with Zoë",
)
FIRST_NAMES = ("Ana", "Björn", "Chloé", "Dmitri", "Efua", "Håkon", "Mei", "Tomás")
LAST_NAMES = ("Nguyễn", "Schmidt", "O'Neill", "Kovačević", "Silva", "Æbelø", "王")
ROLES = ("Design", "Development", "Strategy", "Project management")
SKILLS = ("Figma", "Python", "SEO", "Copy", "SQL", "Illustration")
LABELS = ("internal", "rush", "scope-creep", "qualität", "waiting")
CITIES = (("Zürich", "CH"), ("Łódź", "PL"), ("Galway", "IE"), ("São Paulo", "BR"))
RATES = tuple(Decimal(text) for text in ("75.00", "82.50", "95.10", "110.00", "120.25"))
DISCOUNTS = (0, Decimal("2.50"), Decimal("5.00"))
HOURS = tuple(Decimal(25 * number).scaleb(-2) for number in range(1, 33))
"""A quarter of an hour to eight hours: 0.25, 0.50, … 8.00."""

_encode = msgspec.json.Encoder(decimal_format="number").encode


class Record(NamedTuple):
    """A record as the API sends it.

    Attributes:
        id: Its id as it stands in paths; empty if it has none.
        created: What filters by time look at, `createdAt` in most APIs, in Unix
            seconds; or None without a usable one.
        body: Its JSON.
    """

    id: str
    created: float | None
    body: bytes

    @classmethod
    def of(cls, fields: Mapping[str, Any], since_field: str) -> Record:
        """Encodes fields; decimals keep their digits.

        Args:
            fields: The fields by name.
            since_field: The name of the one that filters by time look at.

        Returns:
            The record.
        """
        identifier = fields.get("id")
        return cls(
            "" if identifier is None else str(identifier),
            timestamp(fields.get(since_field)),
            _encode(fields),
        )


def timestamp(value: Any) -> float | None:
    """Reads a point in time.

    Args:
        value: ISO 8601, with a `T` or a space, read as UTC without an offset; or Unix
            seconds or milliseconds.

    Returns:
        Unix seconds, or None for anything else.
    """
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return float(value) / (1000 if value > MILLISECONDS_FROM else 1)
    try:
        moment = datetime.fromisoformat(value.replace("Z", "+00:00"))
    except (AttributeError, ValueError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return moment.timestamp()


class Dice:
    """Random numbers that are the same in every version of Python.

    Args:
        seed: Anything that has a `str`.
    """

    def __init__(self, *seed: object) -> None:
        # Of random.Random only random() promises to stay as it is.
        self.roll = random.Random("/".join(map(str, seed))).random  # noqa: S311 - made-up data

    def below(self, limit: int) -> int:
        """Rolls an integer from 0, below `limit`."""
        return int(self.roll() * limit)

    def pick(self, values: Sequence[T]) -> T:
        """Picks one of the values."""
        return values[int(self.roll() * len(values))]

    def some(self, values: Sequence[T], most: int) -> list[T]:
        """Picks up to `most` different values that follow each other."""
        if not values:
            return []
        start, count = self.below(len(values)), self.below(most + 1)
        return [*values[start:], *values[:start]][:count]

    def chance(self, chance: float) -> bool:
        """Says yes with this chance."""
        return self.roll() < chance

    def maybe(self, chance: float, value: T) -> T | None:
        """Keeps the value with this chance, else makes it null."""
        return value if self.chance(chance) else None


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
