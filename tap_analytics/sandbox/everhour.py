"""The same agency, as Everhour's API would show it.

The shapes follow https://developers.everhour.com. Ids are integers for clients, users
and entries, and for projects and tasks texts with the code of a platform before them:
`as:1200000000001`, `ev:9000100001`. Moments are in UTC and have a blank in them; times
are in seconds, amounts in cents. Entries have neither name nor status, and hold their
task. Some tasks belong to two projects, and are listed with each.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tap_analytics.sandbox.data import DAYS_BACK, Agency
from tap_analytics.sandbox.dice import Dice
from tap_analytics.sandbox.words import (
    CLIENT_FORMS,
    CLIENT_NAMES,
    FIRST_NAMES,
    LABELS,
    LAST_NAMES,
    NOTES,
    ROLES,
    TASK_NAMES,
    WORKS,
)

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if TYPE_CHECKING:
    from tap_analytics.sandbox.data import Fields

FIRST_CLIENT = 4_001
FIRST_USER = 1_301
FIRST_ENTRY = 88_000_001
ENTRIES_PER_PROJECT = 1_000_000
TASKS_PER_PROJECT = 100_000
QUARTER_OF_AN_HOUR = 900


class Everhour(Agency):
    """Makes the records of each resource, list by list."""

    @staticmethod
    @override
    def project_id(number: int) -> str:
        platform = "as" if number % 2 else "ev"
        return f"{platform}:{1_200_000_000_000 + number}"

    @override
    def _client(self, dice: Dice, number: int) -> Fields:
        name = CLIENT_NAMES[(number - 1) % len(CLIENT_NAMES)]
        projects = range(number, self._options.projects + 1, self._options.clients)
        return {
            "id": FIRST_CLIENT - 1 + number,
            "name": f"{name} {dice.pick(CLIENT_FORMS)}",
            "projects": [self.project_id(project) for project in projects],
            "businessDetails": dice.maybe(0.5, f"Hauptstraße {dice.below(200) + 1}"),
            **({"budget": self._budget(dice)} if dice.chance(0.4) else {}),
        }

    @override
    def _user(self, dice: Dice, number: int) -> Fields:
        first = FIRST_NAMES[(number - 1) % len(FIRST_NAMES)]
        return {
            "id": FIRST_USER - 1 + number,
            "name": f"{first} {dice.pick(LAST_NAMES)}",
            "email": f"user{number}@agency.example",
            "role": dice.pick(("admin", "supervisor", "member")),
            "status": dice.pick(("active", "active", "invited")),
            "headline": dice.pick((*ROLES, "")),
            "avatarUrl": dice.maybe(0.6, f"https://agency.example/{number}.png"),
            "timezone": dice.pick((0, 1, 2, 5.5, -5)),
            "createdAt": self._moment(dice, dice.below(DAYS_BACK)),
        }

    @override
    def _project(self, dice: Dice, number: int) -> Fields:
        has_client = self._options.clients > 0
        client = (number - 1) % self._options.clients if has_client else 0
        work = WORKS[(number - 1) % len(WORKS)]
        return {
            "id": self.project_id(number),
            "name": f"{work} · {CLIENT_NAMES[client % len(CLIENT_NAMES)]}",
            "status": dice.pick(("open", "open", "archived")),
            "createdAt": self._moment(dice, dice.below(DAYS_BACK)),
            "workspaceId": None,
            "workspaceName": None,
            "client": FIRST_CLIENT + client if has_client else None,
            "type": dice.pick(("board", "list")),
            "favorite": dice.chance(0.1),
            "users": dice.some(self._user_ids, 4),
            "billing": {"type": "hourly", "fee": dice.below(500_000)},
            "rate": {"type": "project_rate", "rate": 7_500 + 250 * dice.below(20)},
            **({"budget": self._budget(dice)} if dice.chance(0.6) else {}),
        }

    @override
    def _task(self, project: int, dice: Dice, number: int) -> Fields:
        return self._task_of(project, number)

    def _task_of(self, project: int, number: int) -> Fields:
        """Makes a task, the same one in whichever list it is."""
        projects = [project]
        if number == 1:  # Two projects each share their first task.
            first = project - 1 + project % 2
            projects = [first, first + 1][: self._options.projects - first + 1]
        dice = Dice(self._seed, "task", projects[0], number)
        seconds = {
            str(user): QUARTER_OF_AN_HOUR * (dice.below(40) + 1)
            for user in dice.some(self._user_ids, 2)
        }
        return {
            "id": f"ev:{9_000_000_000 + projects[0] * TASKS_PER_PROJECT + number}",
            "name": TASK_NAMES[(number - 1) % len(TASK_NAMES)],
            "status": dice.pick(("open", "closed")),
            "createdAt": self._moment(dice, dice.below(DAYS_BACK)),
            "projects": [self.project_id(project) for project in projects],
            "section": 1_234 + dice.below(3),
            "labels": dice.some(LABELS, 2),
            "position": number,
            "dueAt": dice.maybe(0.5, f"{dice.pick(self._days)} 16:00:00"),
            "time": {"total": sum(seconds.values()), "users": seconds},
            "unbillable": dice.chance(0.2),
            **({"description": dice.pick(NOTES)} if dice.chance(0.5) else {}),
        }

    @override
    def _time_record(self, project: int, dice: Dice, number: int) -> Fields:
        return self._entry(dice, project * ENTRIES_PER_PROJECT + number, project)

    @override
    def _time_card(self, dice: Dice, number: int) -> Fields:
        projects = self._options.projects
        return self._entry(dice, number, dice.below(projects) + 1 if projects else 0)

    def _entry(self, dice: Dice, number: int, project: int) -> Fields:
        worked = self._worked_days_ago(dice)
        # Entries are often made later than the work they are for.
        entered = self._moment(
            dice, dice.below(worked + 1) if dice.chance(0.3) else worked
        )
        seconds = QUARTER_OF_AN_HOUR * (dice.below(32) + 1)
        user = dice.pick(self._user_ids) if self._user_ids else None
        tasks = self._options.tasks
        task = (
            self._task_of(project, dice.below(tasks) + 1) if project and tasks else {}
        )
        return {
            "id": FIRST_ENTRY - 1 + number,
            "date": self._days[worked],
            "user": user,
            "time": seconds,
            "task": task or None,
            "isLocked": dice.chance(0.3),
            "isInvoiced": dice.chance(0.2),
            "history": [
                {
                    "id": number,
                    "createdBy": user,
                    "time": seconds,
                    "previousTime": 0,
                    "action": dice.pick(("TIMER", "ADD")),
                    "createdAt": entered,
                }
            ],
            "createdAt": entered,
            **({"comment": dice.pick(NOTES)} if dice.chance(0.4) else {}),
        }

    @property
    def _user_ids(self) -> range:
        return range(FIRST_USER, FIRST_USER + self._options.users)

    def _budget(self, dice: Dice) -> Fields:
        return {
            "type": "money",
            "budget": 10_000 * (dice.below(90) + 10),
            "period": "general",
            "progress": dice.below(900_000),
            "appliedFrom": dice.maybe(0.5, dice.pick(self._days)),
        }

    @override
    def _moment(self, dice: Dice, days_ago: int) -> str:
        return super()._moment(dice, days_ago).replace("T", " ").removesuffix("Z")
