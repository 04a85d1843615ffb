#!/usr/bin/env python3
"""What it costs to look into a program from outside.

Usage: inspections.py [--rounds N] [--only ROW,...] COMMAND INSPECTED BUILD_DIR

COMMAND is the asyncio command, INSPECTED what inspect/target.cpp builds. The results are in
BUILD_DIR/bench/inspections.json; with any of the options in inspections-part.json beside it.

ps: a million tasks, how long it takes, wall clock and CPU time, its output thrown away.
churn: a program that creates and ends tasks as fast as it can, read ten times a second in every
other interval of a second. Compared are the tasks per second of its CPU time in an interval and in
its neighbour; the ratio is the median over all pairs, with a bootstrap interval of 95 %. The program
is held on one CPU and the readers on the others.
idle: the same ps of a server with 100,000 connections that say nothing, or as many as the limit of
descriptors allows.
"""
import argparse
import bisect
import os
import resource
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

import machine
import report
from measure import Failed, bootstrap, choose, exit_code

ROUNDS = 7
PAIRS = 30
TASKS = 1_000_000
# Both ends of each are in one process; not every system allows it so many descriptors.
CONNECTIONS = min(100_000, (resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 200) // 2)
READS_PER_SECOND = 10


@dataclass(frozen=True)
class Row:
    name: str
    title: str
    at_most: float | None = None  # seconds
    bar: float | None = None  # read / not read


ROWS = (
    Row("ps", f"asyncio ps, {TASKS:,} tasks", at_most=2.0),
    Row("idle", f"asyncio ps, {CONNECTIONS:,} idle connections"),
    Row("churn", f"a program that is read {READS_PER_SECOND} times a second", bar=0.99),
)


def hold_on(cpus: Collection[int]) -> Callable[[], None]:
    return lambda: os.sched_setaffinity(0, cpus)


def spent_by_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def time_ps(row: Row, command: str, inspected: str, rounds: int) -> dict:
    size = TASKS if row.name == "ps" else CONNECTIONS
    scenario = "many" if row.name == "ps" else "idle"
    target = subprocess.Popen([inspected, scenario, str(size)], stdout=subprocess.PIPE, text=True)
    wall, cpu = [], []
    try:
        if (said := target.stdout.readline()) != "ready\n":
            raise Failed(f"{inspected} {scenario} {size}: it is not ready but says {said!r}")
        for _ in range(rounds):
            before, began = spent_by_children(), time.monotonic()
            subprocess.run([command, "ps", str(target.pid)], stdout=subprocess.DEVNULL, check=True)
            wall.append(time.monotonic() - began)
            cpu.append(spent_by_children() - before)
    finally:
        target.kill()
        target.wait()
    found = bootstrap(wall)
    return {"seconds": round(found.median, 3), "low": round(found.low, 3),
            "high": round(found.high, 3), "cpu": round(statistics.median(cpu), 3),
            "met": None if row.at_most is None else found.low <= row.at_most}


def read_for_a_second(command: str, pid: int, cpus: Collection[int]) -> int:
    """Returns: how often."""
    end, reads = time.monotonic() + 1, 0
    while True:
        due = end - 1 + reads / READS_PER_SECOND
        if due >= end:
            return reads
        time.sleep(max(0.0, due - time.monotonic()))
        if time.monotonic() >= end:
            return reads
        subprocess.run([command, "ps", str(pid)], stdout=subprocess.DEVNULL, check=True,
                       preexec_fn=hold_on(cpus))
        reads += 1


def throughput(samples: list[tuple[int, ...]], begin: int, end: int) -> float:
    """Tasks per second of CPU time between two moments."""
    times = [at for at, _, _ in samples]
    first = samples[bisect.bisect_left(times, begin)]
    last = samples[bisect.bisect_right(times, end) - 1]
    return (last[2] - first[2]) / ((last[1] - first[1]) / 1e9)


def churn(row: Row, command: str, inspected: str, pairs: int) -> dict:
    cpus = sorted(os.sched_getaffinity(0))
    others = cpus[1:] or cpus
    target = subprocess.Popen([inspected, "churn"], stdout=subprocess.PIPE, text=True,
                              preexec_fn=hold_on(cpus[:1]))
    samples: list[tuple[int, ...]] = []

    def collect() -> None:
        for line in target.stdout:
            samples.append(tuple(int(word) for word in line.split()))

    collector = threading.Thread(target=collect)
    collector.start()
    intervals, reads = [], 0
    try:
        time.sleep(1)
        for pair in range(pairs):
            # Which of the two comes first changes, so that a trend falls on both.
            for read in (True, False) if pair % 2 else (False, True):
                begin = time.monotonic_ns()
                if read:
                    reads += read_for_a_second(command, target.pid, others)
                else:
                    time.sleep(1)
                intervals.append((read, begin, time.monotonic_ns()))
        time.sleep(0.2)
    finally:
        target.kill()
        target.wait()
        collector.join()
    ratios = []
    for one, other in zip(intervals[::2], intervals[1::2]):
        rates = {read: throughput(samples, begin, end) for read, begin, end in (one, other)}
        ratios.append(rates[True] / rates[False])
    found = bootstrap(ratios)
    return {"reads_per_second": round(reads / len(ratios), 1),
            "tasks_per_second": round(statistics.median(
                throughput(samples, begin, end) for read, begin, end in intervals if not read)),
            "ratio": round(found.median, 4), "low": round(found.low, 4),
            "high": round(found.high, 4), "met": found.high >= row.bar}


def measure(row: Row, command: str, inspected: str, rounds: int | None) -> dict:
    found = (churn(row, command, inspected, rounds or PAIRS) if row.name == "churn" else
             time_ps(row, command, inspected, rounds or ROUNDS))
    return {"name": row.name, "title": row.title, "bar": row.bar, "at_most": row.at_most, **found}


def cells(row: dict) -> list[str]:
    verdict = report.VERDICTS[row["met"]] if row["met"] is not None else ""
    if row["name"] == "churn":
        return [row["title"], f"{row['tasks_per_second']:,} tasks/s unread",
                f"{report.interval(row)} of it", f"≥ {row['bar']:g}", verdict]
    bar = "–" if row["at_most"] is None else f"≤ {row['at_most']:g} s"
    return [row["title"], f"{row['cpu']:.2f} s of CPU",
            f"{row['seconds']:.2f} s [{row['low']:.2f}, {row['high']:.2f}]", bar, verdict]


def table(data: dict) -> tuple[list[str], list[list[str]]]:
    return ["", "", "median", "bar", ""], [cells(row) for row in data["rows"]]


def section(data: dict) -> str:
    """For bench/README.md."""
    return ("The `asyncio` command reads the memory of a program that is not stopped and does not "
            f"know ([inspect/](inspect)). The load of the machine was {data['load']:.1f} before."
            "\n\n" + report.markdown(*table(data)))


def run(arguments: argparse.Namespace) -> None:
    rows = choose(arguments.only, ROWS)
    data = {"rows": [], "load": os.getloadavg()[0], **machine.provenance()}
    for row in rows:
        data["rows"].append(measure(row, os.path.abspath(arguments.command),
                                    os.path.abspath(arguments.inspected), arguments.rounds))
        saved = machine.save(data, arguments.build_dir, "inspections-part.json")
    report.print_table(*table(data))
    if not (arguments.only or arguments.rounds):
        saved = machine.is_whole(saved)
    print("\n" + os.path.relpath(saved))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, metavar="N")
    parser.add_argument("--only", metavar="ROW,...", help=", ".join(row.name for row in ROWS))
    for name in ("command", "inspected", "build_dir"):
        parser.add_argument(name, metavar=name.upper())
    return exit_code(run, parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
