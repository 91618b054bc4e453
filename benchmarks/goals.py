"""The goals, each with the work that shows how far it is reached."""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import msgspec
from contenders import DLT, HERE, PLAIN, TAP, dlt_load
from measuring import failure, measure, output_of
from racing import ALL, Entry, Sample
from sandboxed import API_KEY, SandboxProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from racing import Race

MB = 1e6
START_RUNS = 11
CODEC_RUNS = 5
DEFAULT_CONCURRENCY = 8

LATENCY = 0.05
WORKERS = 16
LIMIT, WINDOW = 20, 2

SIZES = (1_000, 4_000, 16_000)
ONE_OF_EACH: dict[str, object] = {
    "tasks": 1,
    "time_records": 1,
    "clients": 1,
    "users": 1,
    "team_time": 1,
}

# With the four lists that have no parent, nine projects make 22 responses.
RECORDS = {
    "projects": 9,
    "tasks": 14_500,
    "time_records": 14_500,
    "team_time": 38_000,
    "clients": 500,
    "users": 491,
}


_KINDS = ("arrow", "dicts", "mapped")
_MAKE_SOURCE = (
    "from tap_analytics.dlt_source import analytics_source; analytics_source('k')"
)


@dataclass(frozen=True)
class Goal:
    """A figure, and what it was to be.

    Attributes:
        work: What was done.
        figure: What is measured of it.
        bound: What it was to be at most.
        reached: What it is.
        details: What it is made up of.
        complete: Whether all rows came; else there is nothing to be proud of.
        at_least: Whether the bound is the least instead.
    """

    work: str
    figure: str
    bound: float
    reached: float
    details: str
    complete: bool = True
    at_least: bool = False

    @property
    def met(self) -> bool:
        """Whether the goal is reached."""
        short = self.bound - self.reached
        return self.complete and (short <= 0 if self.at_least else short >= 0)


class Codec(msgspec.Struct, frozen=True):
    """What `decode_encode.py` prints."""

    cpu: float
    records: int
    sizes: list[int]


class StartUp:
    """What starting takes: subtracted where the work itself is judged.

    Args:
        race: Runs it.

    Attributes:
        sdk: Importing `singer_sdk`.
        version: `tap-analytics --version`.
        tap: A run of the tap that does everything but read.
        dlt: Importing the dlt source, and making one.
    """

    def __init__(self, race: Race) -> None:
        self.sdk, self.version, self.tap, self.dlt = race.start(
            "start-up",
            START_RUNS,
            {
                "import singer_sdk": [sys.executable, "-c", "import singer_sdk"],
                "tap-analytics --version": [TAP.command[0], "--version"],
                "tap-analytics, nothing selected": _nothing_selected(race.folder),
                "the dlt source, not read": [sys.executable, "-c", _MAKE_SOURCE],
            },
        )


def _nothing_selected(folder: Path) -> list[str]:
    config, catalog = folder / "start.json", folder / "catalog.json"
    config.write_text(json.dumps({"api_key": API_KEY}), encoding="utf-8")
    command = [*TAP.command, str(config)]
    discovered = json.loads(output_of([*command, "--discover"], folder))
    for stream in discovered["streams"]:
        for entry in stream["metadata"]:
            entry["metadata"]["selected"] = False
    catalog.write_text(json.dumps(discovered), encoding="utf-8")
    return [*command, "--catalog", str(catalog)]


def start_up(_: Race, start: StartUp) -> Iterator[Goal]:
    """Starting is importing the SDK, and little more."""
    yield Goal(
        "tap-analytics --version",
        "CPU ÷ that of importing singer_sdk",
        1.05,
        start.version.cpu / start.sdk.cpu,
        f"{start.version.cpu:.3f} s ÷ {start.sdk.cpu:.3f} s",
    )


def latency(race: Race, start: StartUp) -> Iterator[Goal]:
    """Nothing is waited for but the API's latency, divided by the concurrency."""
    work = "404 requests of 50 ms, 16 at a time"
    with SandboxProcess(projects=200, latency=LATENCY) as api:
        tap, _, source = race.read(
            work,
            Entry(TAP, api, {"concurrency": WORKERS}),
            Entry(PLAIN, api, slow=True),
            Entry(DLT, api, {"concurrency": WORKERS}),
        )
    ideal = tap.requests / WORKERS * LATENCY
    taken = tap.wall - start.tap.wall
    yield Goal(
        work,
        "wall after start-up ÷ ideal",
        1.5,
        taken / ideal,
        f"{taken:.2f} s ÷ {ideal:.2f} s",
        complete=tap.rows == ALL,
    )
    extracting = source.wall - start.dlt.wall
    yield Goal(
        work,
        "the dlt source's wall after start-up ÷ the tap's",
        1.2,
        extracting / taken,
        f"{extracting:.2f} s ÷ {taken:.2f} s",
        complete=source.rows == ALL,
    )


def limit(race: Race, _: StartUp) -> Iterator[Goal]:
    """A limit that is set is used to the full, and never exceeded."""
    work = "the same, limit of 20 in 2 s, set"
    settings = {
        "concurrency": WORKERS,
        "rate_limit_requests": LIMIT,
        "rate_limit_seconds": WINDOW,
    }
    with _limited() as api:
        tap = race.read(work, Entry(TAP, api, settings, slow=True))[0]
    yield from _near_the_floors(work, 1.03, tap)
    yield _refused(work, 0, tap)


def learning(race: Race, _: StartUp) -> Iterator[Goal]:
    """A limit that is not set is learned at little cost."""
    work = "the same, limit of 20 in 2 s, not set"
    with _limited() as api:
        tap = race.read(
            work,
            Entry(TAP, api, {"concurrency": WORKERS}, slow=True),
            Entry(PLAIN, api, slow=True),
            Entry(DLT, api, slow=True),
        )[0]
    yield from _near_the_floors(work, 1.25, tap)
    yield _refused(work, 3, tap)


def _limited() -> SandboxProcess:
    return SandboxProcess(projects=200, latency=LATENCY, rate_limit=f"{LIMIT}/{WINDOW}")


def _near_the_floors(work: str, bound: float, tap: Sample) -> Iterator[Goal]:
    answered = tap.requests - tap.refused
    floors = {
        "wall ÷ floor of the mean rate": (answered - LIMIT) / LIMIT * WINDOW,
        # Each request has to wait until the one 20 before it is 2 s old.
        "wall ÷ floor of a sliding window": (answered - 1) // LIMIT * WINDOW,
    }
    for figure, floor in floors.items():
        yield Goal(
            work,
            figure,
            bound,
            tap.wall / floor,
            f"{tap.wall:.1f} s ÷ {floor:.1f} s",
            complete=tap.rows == ALL,
        )


def _refused(work: str, bound: float, tap: Sample) -> Goal:
    return Goal(
        work,
        "refused, in %",
        bound,
        100 * tap.refused / tap.requests,
        f"{tap.refused:.0f} of {tap.requests:.0f}",
    )


def growth(race: Race, start: StartUp) -> Iterator[Goal]:
    """What a project costs doesn't depend on how many there are."""
    # The plain way's cost grows with the square: 4,000 projects would take minutes.
    for projects in (500, 1_000):
        with SandboxProcess(projects=projects, **ONE_OF_EACH) as api:
            race.read(
                f"{projects:,} projects",
                Entry(TAP, api),
                Entry(PLAIN, api, slow=True),
                Entry(DLT, api, slow=True),
            )
    taps = _grown(race, "projects in one response", SIZES)
    yield from _linear("1,000 → 4,000 → 16,000 projects", taps, start)
    yield _same_memory("1,000 → 16,000 projects in one response", taps)
    pages = {"pagination": "page", "page_size": 100}
    taps = _grown(race, "projects in pages of 100", (SIZES[0], SIZES[-1]), **pages)
    yield _same_memory("1,000 → 16,000 projects in pages of 100", taps)


def _grown(
    race: Race, work: str, sizes: tuple[int, ...], **options: object
) -> list[Sample]:
    """Read one task and one time record for each of so many projects."""
    with ExitStack() as stack:
        entries = []
        for size in sizes:
            sandbox = SandboxProcess(projects=size, **ONE_OF_EACH, **options)
            api = stack.enter_context(sandbox)
            slow = size == SIZES[-1]
            entries.append(Entry(TAP, api, remark=f"{size:,}", slow=slow))
        return race.read(work, *entries)


def _linear(work: str, taps: list[Sample], start: StartUp) -> Iterator[Goal]:
    sized = list(zip(taps, SIZES, strict=True))
    cpu = [(tap.cpu - start.tap.cpu) / size * 1e3 for tap, size in sized]
    written = [tap.written / size for tap, size in sized]
    yield Goal(
        work,
        "CPU per project after start-up, most ÷ least",
        1.15,
        max(cpu) / min(cpu),
        f"{_chain(cpu, '.2f')} ms",
        complete=all(tap.rows == ALL for tap in taps),
    )
    yield Goal(
        work,
        "output per project, most ÷ least",
        1.02,
        max(written) / min(written),
        f"{_chain(written, ',.0f')} bytes",
    )
    yield Goal(
        "4,000 projects", "CPU in s", 8, taps[1].cpu, f"{taps[1].wall:.1f} s wall"
    )


def _same_memory(work: str, taps: list[Sample]) -> Goal:
    peak = [tap.peak / MB for tap in taps]
    return Goal(
        work,
        "peak memory, last ÷ first",
        1.1,
        peak[-1] / peak[0],
        f"{_chain(peak, '.1f')} MB",
        complete=all(tap.rows == ALL for tap in taps),
    )


def _chain(figures: list[float], form: str) -> str:
    return " → ".join(format(figure, form) for figure in figures)


def records(race: Race, start: StartUp) -> Iterator[Goal]:
    """What a record costs: against the plain way, and against what can't be saved."""
    work = "300,000 records in 22 responses"
    dropped = "undeclared fields dropped"
    ignore = {"undeclared_fields": "ignore"}
    with SandboxProcess(**RECORDS) as api:
        tap, plain, tap_dropping, plain_dropping, _ = race.read(
            work,
            Entry(TAP, api),
            Entry(PLAIN, api),
            Entry(TAP, api, ignore, dropped),
            Entry(PLAIN, api, ignore, dropped),
            Entry(DLT, api, slow=True),
        )
        codecs = [_codec(race.folder, api) for _ in range(CODEC_RUNS)]
    yield _faster(work, codecs[0].records, tap, plain)
    yield _faster(f"{work}, {dropped}", codecs[0].records, tap_dropping, plain_dropping)
    least = median(codec.cpu for codec in codecs)
    yield Goal(
        work,
        "CPU ÷ decoding and encoding alone",
        3,
        tap.cpu / least,
        f"{tap.cpu:.2f} s ÷ {least:.2f} s",
    )
    held = (tap.peak - start.tap.peak) / MB
    largest = sorted(codecs[0].sizes)[-DEFAULT_CONCURRENCY:]
    in_flight = sum(largest) / MB
    yield Goal(
        work,
        f"peak memory over a bare start ÷ the {len(largest)} largest responses",
        3,
        held / in_flight,
        f"{held:.0f} MB ÷ {in_flight:.0f} MB",
    )


def dlt_source(race: Race, _: StartUp) -> Iterator[Goal]:
    """Loading with the dlt source costs no more than with tap and target."""
    work = "300,000 records into DuckDB, all steps"
    with SandboxProcess(**RECORDS) as api:
        piped = partial(_piped, race.folder, api)
        both, arrow, dicts, mapped = race.in_turn(
            work,
            [
                ("tap-analytics and target-dlt", race.runs, piped),
                *(
                    (one.name, race.runs, partial(race.take, Entry(one, api)))
                    for one in (dlt_load(rows, race.folder) for rows in _KINDS)
                ),
            ],
        )
    for name, sample, bound in (
        ("Arrow tables", arrow, 1),
        ("dicts", dicts, 1.5),
        ("dicts and a map", mapped, 1.5),
    ):
        yield Goal(
            work,
            f"CPU with {name} ÷ that of tap and target",
            bound,
            sample.cpu / both.cpu,
            f"{sample.cpu:.1f} s ÷ {both.cpu:.1f} s",
            complete=sample.rows == ALL,
        )


def _piped(folder: Path, api: SandboxProcess) -> Sample:
    """Load once with tap and target, and measure both."""
    database = folder / "piped.duckdb"
    database.unlink(missing_ok=True)
    configs = {
        "tap": {"api_url": api.url, "api_key": API_KEY},
        "target": {"credentials": str(database)},
    }
    for name, settings in configs.items():
        file = folder / f"{name}.json"
        file.write_text(json.dumps(settings), encoding="utf-8")
    target = Path(sys.executable).with_name("target-dlt")
    pipe = (
        f"{TAP.command[0]} --config {folder / 'tap.json'}"
        f" | {target} --config {folder / 'target.json'}"
    )
    cost = measure(["/bin/sh", "-c", pipe], folder / "out", folder / "err")
    if cost.status:
        what = "tap and target"
        raise failure(what, folder / "err")
    return Sample(cost.wall, cost.cpu, cost.peak, rows=ALL)


def _faster(work: str, count: int, tap: Sample, plain: Sample) -> Goal:
    return Goal(
        work,
        "records per CPU second ÷ the plain way's",
        6,
        plain.cpu / tap.cpu,
        f"{count / tap.cpu:,.0f} ÷ {count / plain.cpu:,.0f}",
        complete=tap.rows == plain.rows == ALL,
        at_least=True,
    )


def _codec(folder: Path, api: SandboxProcess) -> Codec:
    script = str(HERE / "decode_encode.py")
    out = output_of([sys.executable, script, api.url, API_KEY], folder)
    return msgspec.json.decode(out, type=Codec)


SECTIONS: dict[str, Callable[[Race, StartUp], Iterator[Goal]]] = {
    "start-up": start_up,
    "latency": latency,
    "limit": limit,
    "learning": learning,
    "growth": growth,
    "records": records,
    "dlt": dlt_source,
}
"""What `--only` names."""
