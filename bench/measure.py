"""Processes on one CPU, rounds in which programs take turns, and what their figures say.

A program is asked `PROGRAM --list` and `PROGRAM ROW [OPERATIONS]`; rows.hpp says what it answers.
"""
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

CPU = max(os.sched_getaffinity(0))
SEED = 20_240_521
RESAMPLES = 2_000
LIMIT_SECONDS = 900
EXPENSIVE = 0.3  # seconds
EVERY = 3  # an expensive peer runs in one round of so many

Row = TypeVar("Row")  # has a name


class Failed(Exception):
    """A program that did not do what it was asked."""


def exit_code(work: Callable[..., object], *arguments: object) -> int:
    """What a command ends with whose whole work this is."""
    try:
        work(*arguments)
    except Failed as error:
        print(error, file=sys.stderr)
        return 1
    return 0


@dataclass(frozen=True)
class Sample:
    wall: float  # of an operation, in nanoseconds; bytes in a row about memory
    cpu: float


Samples = dict[str, list[Sample | None]]  # by program, one for each round


@dataclass(frozen=True)
class Interval:
    """A median, and where it lies with 95 % confidence."""
    median: float
    low: float
    high: float

    def wide(self) -> bool:
        return max(self.high - self.median, self.median - self.low) > 0.1 * self.median

    def reaches(self, bar: float) -> bool:
        return self.low <= bar


def bootstrap(values: list[float]) -> Interval:
    if not values:
        raise Failed("a ratio to nothing: a program measured 0 in every round")
    choose = random.Random(SEED)
    medians = sorted(statistics.median(choose.choices(values, k=len(values)))
                     for _ in range(RESAMPLES))
    tail = RESAMPLES * 25 // 1000
    return Interval(statistics.median(values), medians[tail], medians[-tail - 1])


def figures(samples: Iterable[Sample | None], by: str) -> list[float]:
    return [getattr(s, by) for s in samples if s is not None]


def ratios(of: list[Sample | None], to: list[Sample | None], by: str) -> list[float]:
    """Round by round, where there are both."""
    return [getattr(a, by) / getattr(b, by) for a, b in zip(of, to, strict=True)
            if a is not None and b is not None and getattr(b, by) > 0]


def choose(names: str | None, rows: Sequence[Row]) -> list[Row]:
    """Those of the names, as the command line has them; without names all."""
    if names is None:
        return list(rows)
    chosen = names.split(",")
    if unknown := set(chosen) - {row.name for row in rows}:
        raise Failed(f"no such row: {', '.join(sorted(unknown))}; there are: "
                     + ", ".join(row.name for row in rows))
    return [row for row in rows if row.name in chosen]


def environment() -> dict[str, str]:
    """Without what would make a program slower, or take a result from a cache."""
    ours = ("ASYNCIO", "PYTHONASYNCIO")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return kept | {"CCACHE_DISABLE": "1", "LC_ALL": "C"}


def run(command: list[str], cpus: Collection[int] = (CPU,),
        seconds: float = LIMIT_SECONDS) -> subprocess.CompletedProcess[str]:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False,
                              timeout=seconds, env=environment(),
                              preexec_fn=lambda: os.sched_setaffinity(0, cpus))
    except subprocess.TimeoutExpired:
        raise Failed(f"{' '.join(command)}: not over after {seconds} s") from None
    except OSError as error:
        raise Failed(f"{command[0]}: {error.strerror}") from None
    if done.returncode != 0:
        raise Failed(f"{' '.join(command)}: exit code {done.returncode}\n{done.stderr.rstrip()}")
    return done


def rows_of(program: str) -> list[str]:
    return run([program, "--list"]).stdout.split()


def parse(text: str, row: str) -> Sample | None:
    for line in text.splitlines():
        name, *numbers = line.split("\t")
        if name == row and len(numbers) == 3:
            return Sample(float(numbers[0]), float(numbers[1]))
    return None


def run_row(program: str, row: str, operations: int | None = None,
            cpus: Collection[int] = (CPU,)) -> Sample:
    command = [program, row, *([] if operations is None else [str(operations)])]
    text = run(command, cpus).stdout
    sample = parse(text, row)
    if sample is None:
        raise Failed(f"{' '.join(command)}: no figures in what it prints: {text.strip()!r}")
    return sample


def interleave(runs: dict[str, Callable[[], Sample]], rounds: int,
               peers: Iterable[str] = ()) -> tuple[Samples, set[str]]:
    """Every program once in a round, in an order that changes; also returns the expensive peers."""
    order = random.Random(SEED)
    names, peers = list(runs), set(peers)
    samples: Samples = {name: [] for name in names}
    expensive: set[str] = set()
    for number in range(rounds):
        order.shuffle(names)
        for name in names:
            if name in expensive and number % EVERY != 0:
                samples[name].append(None)
                continue
            began = time.monotonic()
            try:
                samples[name].append(runs[name]())
            except Failed as failure:
                if name not in peers:
                    raise
                print(f"left out of this round: {failure}", file=sys.stderr)
                samples[name].append(None)
            if name in peers and time.monotonic() - began > EXPENSIVE:
                expensive.add(name)
    return samples, expensive
