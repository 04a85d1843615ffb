#!/usr/bin/env python3
"""HTTP: the library's client and server against libcurl by itself, Boost.Beast, Go and Python's.

Usage: http_main.py [--quick] [--only ROW,...] [--no-fifo] PROGRAMS BUILD_DIR

PROGRAMS is the folder of what http/CMakeLists.txt builds; other programs are in compare/, and what
is not installed is left out. The results are in BUILD_DIR/bench/http.json; with any of the options
in http-part.json beside it.

(A file named http.py would take the place of Python's own module for all others here.)
"""
import argparse
import os
import shutil
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass

import http_report
import http_rows
import http_run
import machine
import net_run
import peer_programs
from http_rows import ROWS, Program, Row, is_ours
from measure import (CPU, Failed, Samples, bootstrap, choose, environment, exit_code, figures,
                     interleave, ratios)
from net_run import Bench

ROUNDS = 11
FIGURES = 3  # runs of what hardly differs
SECONDS = 1.0
QUICK = {"seconds": 0.3, "rounds": 2, "figures": 1}


@dataclass(frozen=True)
class Effort:
    seconds: float = SECONDS
    rounds: int = ROUNDS
    figures: int = FIGURES


@dataclass(frozen=True)
class Field:
    """Those who run."""
    responder: Program
    clients: dict[str, Program]
    servers: dict[str, Program]
    versions: dict[str, str]
    missing: dict[str, str]

    def of(self, row: Row) -> dict[str, Program]:
        if row.kind == "memory":  # of the others it is not asked
            return {name: p for name, p in self.clients.items()
                    if is_ours(name) or name == http_rows.CURL}
        return self.servers if row.of_server() else self.clients


def find_programs(arguments: argparse.Namespace) -> Field:
    folder = os.path.abspath(arguments.programs)
    responder = Program("responder", os.path.join(folder, "bench_http_responder"))
    clients, servers = http_rows.own(folder)
    for one in (responder, *clients, *servers):
        if not os.path.exists(one.path):
            raise Failed(f"{os.path.basename(one.path)} is not built")
    versions, missing = {}, {}
    for what, into in (("http_client", clients), ("http_server", servers)):
        found, not_installed = peer_programs.build(what, arguments.build_dir)
        into += [Program(name, peer.path) for name, peer in found.items()]
        versions |= {name: peer.version for name, peer in found.items()}
        missing |= not_installed
    return Field(responder, {p.name: p for p in clients}, {p.name: p for p in servers}, versions,
                 missing)


def ratio_of(samples: Samples, ours: str, other: str, by: str) -> dict:
    """How much more ours does in the same time."""
    values = ratios(samples[other], samples[ours], by)
    if not values:
        return {"ratio": None, "low": None, "high": None}
    found = bootstrap(values)
    return {"ratio": round(found.median, 4), "low": round(found.low, 4),
            "high": round(found.high, 4)}


def judge(row: Row, samples: Samples, ours: str) -> list[dict]:
    """A server must reach its bars by its own CPU time, too: wrk may be slower than both."""
    judged = []
    for other, bar in row.bars:
        if other not in samples:
            continue
        wall, cpu = (ratio_of(samples, ours, other, by) for by in ("wall", "cpu"))
        counting = [wall, cpu] if row.of_server() else [wall]
        judged.append({"against": other, "bar": bar, "wall": wall, "cpu": cpu,
                       "met": all((one["high"] or 0) >= bar for one in counting)})
    return judged


def rates(row: Row, field: Field, bench: Bench, effort: Effort) -> dict:
    def run_of(program: Program) -> Callable:
        if row.of_server():
            return lambda: http_run.server(bench, program, row)
        return lambda: http_run.client(bench, program, field.responder, row)

    programs = field.of(row)
    runs = {name: run_of(program) for name, program in programs.items()}
    others = [name for name in programs if name in field.versions]
    samples, _ = interleave(runs, effort.rounds, others)
    samples = {name: done for name, done in samples.items() if any(done)}
    found = {}
    for name, done in samples.items():
        wall, cpu = (statistics.median(figures(done, by)) for by in ("wall", "cpu"))
        found[name] = {"per_second": round(1e9 / wall, 1), "cpu_ns": round(cpu, 1),
                       "rounds": sum(sample is not None for sample in done)}
        if is_ours(name):
            found[name]["bars"] = judge(row, samples, name)
            found[name]["met"] = all(bar["met"] for bar in found[name]["bars"])
    best = max(filter(is_ours, found), key=lambda name: found[name]["per_second"])
    return {"programs": found, "ours": best, "met": found[best]["met"]}


def figures_of(row: Row, field: Field, bench: Bench, effort: Effort) -> dict:
    once = http_run.memory if row.kind == "memory" else http_run.elapsed
    found = {}
    for name, program in field.of(row).items():
        try:
            value = statistics.median(once(bench, program, field.responder, row)
                                      for _ in range(effort.figures))
        except Failed as failure:
            if name not in field.versions:
                raise
            print(f"left out of this row: {failure}", file=sys.stderr)
            continue
        found[name] = {"value": round(value, 4)}
        if is_ours(name):
            found[name]["met"] = None if row.most is None else value <= row.most
    best = min(filter(is_ours, found), key=lambda name: found[name]["value"])
    return {"programs": found, "ours": best, "met": found[best]["met"]}


def measure(row: Row, field: Field, bench: Bench, effort: Effort) -> dict:
    work = rates if row.is_rate() else figures_of
    return {"name": row.name, "title": row.title, "kind": row.kind, "most": row.most,
            **work(row, field, bench, effort)}


def run(arguments: argparse.Namespace) -> None:
    rows = choose(arguments.only, ROWS)
    effort = Effort(**QUICK) if arguments.quick else Effort()
    field = find_programs(arguments)
    fifo = not arguments.no_fifo and net_run.fifo_allowed()
    print(f"servers on CPU {CPU}, clients on CPU {http_run.CLIENT_CPU}, "
          f"{'SCHED_FIFO' if fifo else 'SCHED_OTHER'}")
    bench = Bench("", effort.seconds, fifo, environment())
    data = {"rows": [], "seconds": effort.seconds, "rounds": effort.rounds, "fifo": fifo,
            "versions": field.versions, "missing": field.missing, **machine.provenance()}
    for row in rows:
        if row.of_server() and not shutil.which("wrk"):
            print(f"\n{row.title}: left out: missing Debian package: wrk")
            continue
        data["rows"].append(measure(row, field, bench, effort))
        http_report.print_row(data["rows"][-1])
        path = machine.save(data, arguments.build_dir, "http-part.json")
    if not data["rows"]:
        return
    if not (arguments.quick or arguments.only or arguments.no_fifo):
        path = machine.is_whole(path)
    print("\n" + os.path.relpath(path))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="two short rounds")
    parser.add_argument("--only", metavar="ROW,...", help=", ".join(row.name for row in ROWS))
    parser.add_argument("--no-fifo", action="store_true", help="under the ordinary scheduler")
    for name in ("programs", "build_dir"):
        parser.add_argument(name, metavar=name.upper())
    return exit_code(run, parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
