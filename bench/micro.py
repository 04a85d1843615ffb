#!/usr/bin/env python3
"""The library against the hand-written minimum and against other libraries, row by row.

Usage: micro.py [--pairs N] [--rows a,b] [--no-peers] [--gcc PROGRAM] LIMIT OURS BUILD_DIR

LIMIT and OURS are programs as rows.hpp describes them, --gcc gives ours as g++ builds it, for its
row about memory. Every folder bench/compare/NAME holds a peer, which is built in
BUILD_DIR/bench/compare/NAME. The results are in BUILD_DIR/bench/micro.json; those of a run that was
interrupted, had --rows or fewer than 21 pairs are in micro-part.json beside it.

All processes run on one CPU, in turn. A ratio is that of two processes of a round; its median has a
bootstrap interval, and a bar is met if the lower end reaches it.
"""
import argparse
import os
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

import instructions
import machine
import peer_programs
import report
from measure import (EVERY, EXPENSIVE, Failed, Interval, Sample, Samples, bootstrap, choose,
                     exit_code, figures, interleave, ratios, rows_of, run_row)

ROUNDS = 21
MEMORY_ROUNDS = 3  # pages, not time: processes hardly differ


@dataclass(frozen=True)
class Row:
    name: str
    title: str
    bar: float
    limit_row: str = ""  # of the limit, where it is not of the same name
    judged_by: str = "wall"
    note: str = ""
    to_best_peer: bool = False  # the bar is against it
    unit: str = "ns"  # with "bytes" the bar is absolute
    absolute: bool = False  # the bar is nanoseconds, not a ratio
    program: str = "ours"
    asks: str = ""  # the program's row, where it is not of the same name

    def row(self) -> str:
        return self.asks or self.name


ROWS = [
    Row("await_ready", "await a coroutine that returns at once", 1.3),
    Row("fib", "recursive fib(30), per call", 1.5),
    Row("create_task", "create_task and await it", 4),
    Row("create_all", "create 1,000,000 tasks, then await all", 4),
    Row("yield_1", "sleep(0), one task", 3),
    Row("yield_1000", "sleep(0), 1,000 tasks", 3),
    Row("call_soon", "call_soon of a small callable", 6),
    Row("sleeps", "1,000,000 sleeps of random length, CPU time each", 1.3, judged_by="cpu"),
    Row("timer_cancel", "create a timer and cancel it, 1,000,000 pending", 1.5),
    Row("threadsafe", "call_soon_threadsafe from another thread", 1.5),
    Row("to_thread", "to_thread round trip", 1.2, to_best_peer=True),
    Row("cancel", "cancel 100,000 sleeping tasks and await them, each", 1.2),
    Row("cancel_as_result", "the same, awaited by as_result", 0.7, limit_row="cancel"),
    Row("cancel_gather", "the same, by gather(return_exceptions)", 0.7, limit_row="cancel"),
    Row("timeout", "timeout around something that is ready", 2.5),
    Row("wait_for", "wait_for of something that is ready", 2.5, limit_row="timeout"),
    Row("lock_free", "acquire and release a Lock, one task", 4),
    Row("lock_handed", "a Lock handed on among 100 tasks", 4),
    Row("queue_pingpong", "an item through a Queue(1), one producer, one consumer", 3),
    Row("channel", "an item through a Channel(1024), 4 producers, 4 consumers", 29, absolute=True),
    # A waiter that is woken, runs and waits again does what a task that is created and run does.
    # One at a time they are in the cache, as a thousand waiters are and a million tasks are not.
    Row("event_set", "Event.set() with 1,000 waiting tasks, each", 2, limit_row="create_task",
        note="against creating and resuming a task, the limit's create_task"),
    Row("memory", "bytes per suspended task", 256, unit="bytes"),
    Row("memory_gcc", "bytes per suspended task, built by g++", 352, unit="bytes", program="gcc",
        asks="memory"),
]

HEAD = ["", "limit", "ours", "ratio", "bar", "", "best peer", ""]
WIDTHS = [-max(len(row.title) for row in ROWS), 9, 9, 19, 6, -9, -24, -1]
FOOT = """
ratio: ours / limit, median of {} rounds [95 % interval]; a bar is met if its lower end reaches it.
A row is judged by CPU time where the interval of the wall clock is wider than ±10 %, and by
instructions in user space where that of CPU time is, too."""
EXPENSIVE_FOOT = "Where a process takes longer than {} s, a peer runs in every {}rd round only: {}."


@dataclass(frozen=True)
class Program:
    path: str
    rows: frozenset[str]
    version: str = ""


@dataclass(frozen=True)
class Field:
    """Those who run."""
    own: dict[str, Program]  # limit, ours and perhaps gcc
    peers: dict[str, Program] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    def peers_with(self, row: Row) -> list[str]:
        # A second build of ours is compared with nobody.
        return [n for n, p in self.peers.items() if row.name in p.rows]


@dataclass(frozen=True)
class Verdict:
    interval: Interval
    judged_by: str
    met: bool | None

    def by(self) -> str:
        """The figures that go with it."""
        return "wall" if self.judged_by == "wall" else "cpu"


def program(path: str, version: str = "") -> Program:
    path = os.path.abspath(path)
    return Program(path, frozenset(rows_of(path)), version)


def find_peers(build_dir: str, players: Field) -> None:
    found, missing = peer_programs.build("micro", build_dir)
    players.peers.update({name: program(*peer) for name, peer in found.items()})
    players.missing.update(missing)


def contestants(row: Row, players: Field) -> dict[str, tuple[str, str]]:
    """Name: program and its row. Ours is "ours", whoever built it."""
    peers = players.peers_with(row)
    found = {"ours": (players.own[row.program].path, row.row())}
    if row.unit == "ns" and not (row.to_best_peer and peers):
        found["limit"] = (players.own["limit"].path, row.limit_row or row.row())
    found |= {name: (players.peers[name].path, row.row()) for name in peers}
    return found


def check_rows(rows: list[Row], players: Field) -> None:
    """An hour later would be late to find that one is missing."""
    known = {own.path: own.rows for own in players.own.values()}
    for row in rows:
        for path, name in contestants(row, players).values():
            if name not in known.get(path, {name}):
                raise Failed(f"{path} has no row {name}")


def median(samples: Samples, name: str, by: str) -> float:
    return round(statistics.median(figures(samples[name], by)), 3)


def rival(row: Row, samples: Samples, peers: list[str]) -> str:
    """Whom the bar is against."""
    ran = [name for name in peers if any(sample is not None for sample in samples[name])]
    if row.to_best_peer and ran:
        return min(ran, key=lambda name: median(samples, name, row.judged_by))
    return "limit"


def judge(row: Row, samples: Samples, to: str, count: Callable[[], float | None]) -> Verdict:
    for by in dict.fromkeys((row.judged_by, "cpu")):
        found = bootstrap(ratios(samples["ours"], samples[to], by))
        if not found.wide():
            return Verdict(found, "wall" if by == "wall" else "CPU time", found.reaches(row.bar))
    if (exact := count()) is not None:
        return Verdict(Interval(exact, exact, exact), "instructions", exact <= row.bar)
    met = found.reaches(row.bar) if found.high <= row.bar or found.low > row.bar else None
    return Verdict(found, "noisy", met)


def judge_bytes(row: Row, samples: Samples) -> Verdict:
    found = bootstrap(figures(samples["ours"], "wall"))
    return Verdict(found, "bytes", found.reaches(row.bar))


def judge_absolute(row: Row, samples: Samples) -> Verdict:
    """By the figures, but the interval is that of the ratio, as in other rows."""
    for by, judged_by in (("wall", "wall"), ("cpu", "CPU time")):
        found = bootstrap(figures(samples["ours"], by))
        ratio = bootstrap(ratios(samples["ours"], samples["limit"], by))
        if not found.wide():
            return Verdict(ratio, judged_by, found.reaches(row.bar))
    met = found.reaches(row.bar) if found.high <= row.bar or found.low > row.bar else None
    return Verdict(ratio, "noisy", met)


def against_what(row: Row, to: str) -> str:
    if row.absolute or row.unit == "bytes":
        return "absolute"
    return f"limit {row.limit_row}" if to == "limit" and row.limit_row else to


def result(row: Row, samples: Samples, peers: list[str], to: str, verdict: Verdict) -> dict:
    by, has_ratio, found = verdict.by(), row.unit == "ns", verdict.interval
    return {
        "name": row.name, "title": row.title, "unit": row.unit, "bar": row.bar,
        "against": against_what(row, to),
        "limit_ns": median(samples, "limit", by) if to == "limit" and has_ratio else None,
        "ours_ns": median(samples, "ours", by),
        "ratio": round(found.median, 4) if has_ratio else None,
        "low": round(found.low, 4), "high": round(found.high, 4),
        "met": verdict.met, "judged_by": verdict.judged_by,
        "peers": {name: median(samples, name, by) for name in peers
                  if any(sample is not None for sample in samples[name])},
    }


def notes(row: Row, against: str) -> list[str]:
    said = [row.note] if row.note else []
    if row.to_best_peer:
        said.append("no peer, against the limit" if against == "limit" else f"against {against}")
    return said


def measure(row: Row, players: Field, rounds: int) -> dict:
    runs = contestants(row, players)
    peers = players.peers_with(row)

    def starter(name: str) -> Callable[[], Sample]:
        return lambda: run_row(*runs[name])

    samples, expensive = interleave({name: starter(name) for name in runs},
                                    min(rounds, MEMORY_ROUNDS) if row.unit == "bytes" else rounds,
                                    peers)
    if row.unit == "bytes":
        to, verdict = "limit", judge_bytes(row, samples)
    elif row.absolute:
        to, verdict = "limit", judge_absolute(row, samples)
    else:
        to = rival(row, samples, peers)
        # Peers need not repeat their runs as rows.hpp does: their instructions cannot be compared.
        verdict = judge(row, samples, to, lambda: instructions.ratio(runs["ours"], runs["limit"])
                        if to == "limit" else None)
    found = result(row, samples, peers, to, verdict)
    return found | {"note": "; ".join(notes(row, found["against"])),
                    "expensive_peers": sorted(expensive)}


def best_peer(found: dict) -> str:
    if not found["peers"]:
        return ""
    name, value = min(found["peers"].items(), key=lambda item: item[1])
    return f"{report.number(value)} {name}"


def cells(found: dict) -> list[str]:
    """For HEAD."""
    said = [*report.how(found), *([found["note"]] if found["note"] else [])]
    return [found["title"], report.number(found["limit_ns"]), report.number(found["ours_ns"]),
            report.interval(found), report.bar(found), report.VERDICTS[found["met"]],
            best_peer(found), "; ".join(said)]


def run_rows(rows: list[Row], players: Field, arguments: argparse.Namespace) -> None:
    """The results are written after every row."""
    peers = {name: peer.version for name, peer in players.peers.items()} | players.missing
    data = {"rows": [], "rounds": arguments.pairs, "peers": peers,
            "missing": sorted(players.missing), **machine.provenance()}
    path = ""
    print("\nns per operation, medians\n" + report.bold(report.line(HEAD, WIDTHS)))
    for row in rows:
        data["rows"].append(measure(row, players, arguments.pairs))
        print(report.line(cells(data["rows"][-1]), WIDTHS), flush=True)
        path = machine.save(data, arguments.build_dir, "micro-part.json")
    if arguments.rows is None and arguments.pairs >= ROUNDS:
        path = machine.is_whole(path)
    print_foot(data["rows"], arguments.pairs, path)


def print_foot(rows: list[dict], rounds: int, path: str) -> None:
    expensive = sorted({name for row in rows for name in row["expensive_peers"]})
    print(FOOT.format(rounds))
    if expensive:
        print(EXPENSIVE_FOOT.format(EXPENSIVE, EVERY, ", ".join(expensive)))
    print(os.path.relpath(path))


def compare(arguments: argparse.Namespace) -> None:
    rows = choose(arguments.rows, [row for row in ROWS if row.program == "ours" or arguments.gcc])
    own = {"limit": program(arguments.limit), "ours": program(arguments.ours)}
    if arguments.gcc:
        own["gcc"] = program(arguments.gcc)
    players = Field(own)
    if not arguments.no_peers:
        find_peers(arguments.build_dir, players)
    check_rows(rows, players)
    run_rows(rows, players, arguments)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pairs", type=int, default=ROUNDS, metavar="N", help="rounds")
    parser.add_argument("--rows", metavar="a,b")
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--gcc", metavar="PROGRAM")
    for name in ("limit", "ours", "build_dir"):
        parser.add_argument(name, metavar=name.upper())
    return parser.parse_args()


def main() -> int:
    return exit_code(compare, parse_arguments())


if __name__ == "__main__":
    sys.exit(main())
