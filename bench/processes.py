#!/usr/bin/env python3
"""Processes, pools of them, and files: against the system calls alone and against CPython.

Usage: processes.py [--rounds N] [--only ROW,...] PROGRAMS BUILD_DIR

PROGRAMS is the folder of what process/CMakeLists.txt builds. The results are in
BUILD_DIR/bench/processes.json; with any of the options in processes-part.json beside it. A row has
several processes at work, so none is held on one CPU.
"""
import argparse
import os
import statistics
import sys
from dataclasses import dataclass

import machine
import peer_programs
import report
from measure import Samples, bootstrap, choose, exit_code, figures, interleave, ratios, run_row

ROUNDS = 11
FILE_SIZE = 1 << 30
CPUS = os.sched_getaffinity(0)


@dataclass(frozen=True)
class Row:
    name: str
    title: str
    bar: float | None = None  # how fast ours is, to the limit
    most: float | None = None  # nanoseconds


ROWS = (
    Row("spawn", "start /bin/true and wait for it", bar=0.9),
    Row("pipe", "a MiB through `cat` and back, of 1 GiB", bar=0.9),
    Row("pool", "a job of 64 bytes in another process and back", most=25_000),
    Row("file_1m", "a MiB of a cached file of 1 GiB, by pieces of 1 MiB", bar=0.9),
    Row("file_64k", "the same by pieces of 64 KiB"),
)


def make_file(folder: str) -> str:
    """It is read once, so that it is in memory."""
    path = os.path.join(os.path.abspath(folder), "bench", "file-to-read")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    block = bytes(range(256)) * 4096
    if not os.path.exists(path) or os.path.getsize(path) != FILE_SIZE:
        with open(path, "wb") as file:
            for _ in range(FILE_SIZE // len(block)):
                file.write(block)
    with open(path, "rb", buffering=0) as file:
        while file.read(len(block)):
            pass
    return path


def verdict(row: Row, samples: Samples) -> dict:
    """A bar is met if the better end of the interval reaches it."""
    if row.most is not None:
        found = bootstrap(figures(samples["ours"], "wall"))
        ahead = all(statistics.median(figures(done, "wall")) >= found.median
                    for name, done in samples.items() if name not in ("ours", "limit") and any(done))
        return {"met": found.low <= row.most and ahead, "ratio": None, "low": None, "high": None}
    found = bootstrap(ratios(samples["limit"], samples["ours"], "wall"))
    return {"met": None if row.bar is None else found.high >= row.bar,
            "ratio": round(found.median, 4), "low": round(found.low, 4),
            "high": round(found.high, 4)}


def measure(row: Row, programs: dict[str, str], peers: set[str], rounds: int) -> dict:
    runs = {name: lambda path=path: run_row(path, row.name, cpus=CPUS)
            for name, path in programs.items()}
    samples, _ = interleave(runs, rounds, peers)
    medians = {name: {by: round(statistics.median(figures(done, by)), 1) for by in ("wall", "cpu")}
               for name, done in samples.items() if any(done)}
    return {"name": row.name, "title": row.title, "bar": row.bar, "most": row.most,
            "programs": medians, **verdict(row, samples)}


def cells(row: dict, peers: list[str]) -> list[str]:
    def of(name: str) -> str:
        found = row["programs"].get(name)
        return report.number(found and found["wall"])
    bar = f"≤ {row['most']:,.0f} ns" if row["most"] else f"≥ {row['bar']:g}" if row["bar"] else "–"
    return [row["title"], of("limit"), of("ours"), report.interval(row), bar,
            report.VERDICTS[row["met"]] if bar != "–" else "", *map(of, peers)]


def table(data: dict) -> tuple[list[str], list[list[str]]]:
    peers = list(data["versions"])
    head = ["ns", "limit", "ours", "limit / ours", "bar", "", *peers]
    return head, [cells(row, peers) for row in data["rows"]]


def section(data: dict) -> str:
    """For bench/README.md."""
    said = "".join(f"- {name}: {version}\n" for name, version in data["versions"].items())
    return ("The limit makes the system calls that are needed, and nothing else ([process/]"
            f"(process)). Medians of {data['rounds']} rounds; the programs take turns, on all "
            "CPUs.\n\n" + report.markdown(*table(data)) + "\n" + said)


def run(arguments: argparse.Namespace) -> None:
    rows = choose(arguments.only, ROWS)
    folder = os.path.abspath(arguments.programs)
    programs = {"limit": os.path.join(folder, "bench_process_limit"),
                "ours": os.path.join(folder, "bench_process")}
    found, missing = peer_programs.build("process", arguments.build_dir)
    programs |= {name: peer.path for name, peer in found.items()}
    os.environ["BENCH_FILE"] = make_file(arguments.build_dir)
    rounds = arguments.rounds or ROUNDS
    data = {"rows": [], "rounds": rounds, "missing": missing,
            "versions": {name: peer.version for name, peer in found.items()},
            **machine.provenance()}
    for row in rows:
        data["rows"].append(measure(row, programs, set(found), rounds))
        path = machine.save(data, arguments.build_dir, "processes-part.json")
    report.print_table(*table(data))
    if not (arguments.only or arguments.rounds):
        path = machine.is_whole(path)
    os.remove(os.environ["BENCH_FILE"])
    print("\n" + os.path.relpath(path))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, metavar="N")
    parser.add_argument("--only", metavar="ROW,...", help=", ".join(row.name for row in ROWS))
    for name in ("programs", "build_dir"):
        parser.add_argument(name, metavar=name.upper())
    return exit_code(run, parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
