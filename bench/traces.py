#!/usr/bin/env python3
"""What it costs to look at a loop: a step with an observer, metrics, a timeline, and without.

Usage: traces.py [--rounds N] [--only ROW,...] PROGRAM BUILD_DIR

PROGRAM is bench/trace/ours.cpp, built. The results are in BUILD_DIR/bench/traces.json; with any of
the options in traces-part.json beside it. The timeline has a thread of its own, so that no row is
held on one CPU.
"""
import argparse
import os
import statistics
import sys
from dataclasses import dataclass

import machine
import report
from measure import Samples, bootstrap, choose, exit_code, figures, interleave, ratios, run_row

ROUNDS = 15
CPUS = os.sched_getaffinity(0)
WHO = ("off", "observer", "metrics", "timeline")


@dataclass(frozen=True)
class Row:
    name: str
    title: str
    bar: float | None = None  # off / timeline


ROWS = (
    Row("work", "a step that computes for a microsecond", bar=0.95),
    Row("bare", "a step that does nothing but sleep(0)"),
)


def verdict(row: Row, samples: Samples, by: str) -> dict:
    """The bar is met if the better end of the interval reaches it."""
    found = bootstrap(ratios(samples["off"], samples["timeline"], by))
    return {"met": None if row.bar is None else found.high >= row.bar,
            "ratio": round(found.median, 4), "low": round(found.low, 4),
            "high": round(found.high, 4)}


def measure(row: Row, program: str, rounds: int) -> dict:
    runs = {who: lambda who=who: run_row(program, f"{who}-{row.name}", cpus=CPUS) for who in WHO}
    samples, _ = interleave(runs, rounds)
    medians = {who: {by: round(statistics.median(figures(done, by)), 1) for by in ("wall", "cpu")}
               for who, done in samples.items()}
    return {"name": row.name, "title": row.title, "bar": row.bar, "programs": medians,
            "cpu_of_loop": verdict(row, samples, "cpu"), **verdict(row, samples, "wall")}


def cells(row: dict) -> list[str]:
    bar = "–" if row["bar"] is None else f"≥ {row['bar']:g}"
    return [row["title"], *(report.number(row["programs"][who]["wall"]) for who in WHO),
            report.interval(row), report.interval(row["cpu_of_loop"]), bar,
            "" if row["bar"] is None else report.VERDICTS[row["met"]]]


def table(data: dict) -> tuple[list[str], list[list[str]]]:
    head = ["ns", *WHO, "off / timeline", "by CPU time of the loop", "bar", ""]
    return head, [cells(row) for row in data["rows"]]


def section(data: dict) -> str:
    """For bench/README.md."""
    return ("A step of 64 tasks that take turns, while nobody looks, with an observer that counts, "
            "with Metrics, and with a timeline that is written to a file ([trace/](trace)). "
            f"Medians of {data['rounds']} rounds, on all CPUs; the load of the machine was "
            f"{data['load']:.1f} before.\n\n" + report.markdown(*table(data)))


def run(arguments: argparse.Namespace) -> None:
    rows = choose(arguments.only, ROWS)
    rounds = arguments.rounds or ROUNDS
    data = {"rows": [], "rounds": rounds, "load": os.getloadavg()[0], **machine.provenance()}
    path = os.path.join(os.path.abspath(arguments.build_dir), "bench", "timeline.json")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    os.environ["BENCH_FILE"] = path
    try:
        for row in rows:
            data["rows"].append(measure(row, os.path.abspath(arguments.program), rounds))
            saved = machine.save(data, arguments.build_dir, "traces-part.json")
    finally:
        if os.path.exists(path):
            os.remove(path)
    report.print_table(*table(data))
    if not (arguments.only or arguments.rounds):
        saved = machine.is_whole(saved)
    print("\n" + os.path.relpath(saved))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, metavar="N")
    parser.add_argument("--only", metavar="ROW,...", help=", ".join(row.name for row in ROWS))
    for name in ("program", "build_dir"):
        parser.add_argument(name, metavar=name.upper())
    return exit_code(run, parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
