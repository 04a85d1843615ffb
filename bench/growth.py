#!/usr/bin/env python3
"""Whether an operation costs the same among a thousand and among a million.

Usage: growth.py OURS BUILD_DIR

OURS is a program as rows.hpp describes it. A figure is the CPU time of an operation, the median of
five processes, and it includes a part of what starts and ends a loop: with few operations that is
much. Hence also the column that compares with the cheapest of the smaller numbers; only what
compares with 1,000 has a bar. The results are in BUILD_DIR/bench/growth.json and bench/growth.svg.
"""
import math
import os
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass

import machine
import report
from growth_plot import Line, svg
from measure import Sample, exit_code, figures, interleave, run_row

NUMBERS = [1_000, 3_162, 10_000, 31_622, 100_000, 316_227, 1_000_000]
PROCESSES = 5
BAR = 2.0
PLOT = os.path.join(machine.ROOT, "bench", "growth.svg")


@dataclass(frozen=True)
class Operation:
    row: str
    title: str
    timer: bool = False  # a heap: its bar grows by the logarithm


OPERATIONS = [
    Operation("await_ready", "await a coroutine"),
    Operation("deep", "await, each inside the last"),
    Operation("create_all", "create tasks, await all"),
    Operation("timer_cancel", "create and cancel timers", timer=True),
    Operation("sleeps", "sleep for a random time", timer=True),
    Operation("cancel_as_result", "cancel sleeping tasks"),
]


def bar(operation: Operation, n: int) -> float:
    return BAR * math.log2(n) / math.log2(NUMBERS[0]) if operation.timer else BAR


def over_cheapest(costs: list[float]) -> float:
    """The most by which a cost is above that of a smaller number."""
    return max(cost / min(costs[:i + 1]) for i, cost in enumerate(costs))


def costs(program: str, operation: Operation) -> list[float]:
    def starter(n: int) -> Callable[[], Sample]:
        return lambda: run_row(program, operation.row, n)

    samples, _ = interleave({str(n): starter(n) for n in NUMBERS}, PROCESSES)
    return [statistics.median(figures(samples[str(n)], "cpu")) for n in NUMBERS]


def measure(program: str, operation: Operation) -> dict:
    ns = costs(program, operation)
    relative = [cost / ns[0] for cost in ns]
    bars = [bar(operation, n) for n in NUMBERS]
    return {
        "name": operation.row, "title": operation.title, "ns": ns,
        "relative": [round(r, 3) for r in relative], "bars": [round(b, 3) for b in bars],
        "bar": round(bars[-1], 2), "over_cheapest": round(over_cheapest(ns), 3),
        "met": all(r <= b for r, b in zip(relative, bars, strict=True)),
    }


def head() -> list[str]:
    return ["", "ns at 1,000", *(f"{n:,}" for n in NUMBERS[1:]), "bar", "", "over cheapest"]


def cells(found: dict) -> list[str]:
    """For head()."""
    return [found["title"], report.number(found["ns"][0]),
            *(report.factor(r) for r in found["relative"][1:]), f"{found['bar']:g}",
            report.VERDICTS[found["met"]], report.factor(found["over_cheapest"])]


def plot(rows: list[dict]) -> None:
    lines = [Line(found["title"], found["relative"]) for found in rows]
    limits = [Line("bar", [BAR] * len(NUMBERS)),
              Line("bar of timers", [bar(Operation("", "", timer=True), n) for n in NUMBERS])]
    with open(PLOT, "w", encoding="utf-8") as out:
        out.write(svg("CPU time of an operation, relative to that among 1,000", NUMBERS, lines,
                      limits))


def grow(program: str, build_dir: str) -> None:
    rows = []
    widths = [-max(len(o.title) for o in OPERATIONS), 11, *(9 for _ in NUMBERS[1:]), 5, -6, 13]
    print(report.bold(report.line(head(), widths)))
    for operation in OPERATIONS:
        rows.append(measure(program, operation))
        print(report.line(cells(rows[-1]), widths), flush=True)
    path = machine.save({"rows": rows, "numbers": NUMBERS, "processes": PROCESSES,
                         **machine.provenance()}, build_dir, "growth.json")
    plot(rows)
    print(f"\nCPU time of an operation among so many, relative to that among 1,000; median of "
          f"{PROCESSES} processes\n{os.path.relpath(path)}, {os.path.relpath(PLOT)}")


def main() -> int:
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    return exit_code(grow, os.path.abspath(sys.argv[1]), sys.argv[2])


if __name__ == "__main__":
    sys.exit(main())
