#!/usr/bin/env python3
"""Tasks on workers over Redis: against the Redis commands alone, Celery and RQ.

Usage: cluster.py [--rounds N] [--only ROW,...] PROGRAMS BUILD_DIR

PROGRAMS is the folder of what cluster/CMakeLists.txt builds: bench_cluster_limit, and ours,
bench_cluster; without it there are no figures of ours. The results are in
BUILD_DIR/bench/cluster.json; with any of the options in cluster-part.json beside it.

Each run has a redis-server of its own, over TCP on this machine, that keeps nothing on disk.
Several processes are at work, so none is held on one CPU. The task is a function of an int that
gives the next int. Every program, ours, the limit's, and the peers' (compare/NAME/cluster.py), is
asked

    PROGRAM --redis redis://HOST:PORT MODE [N]

and ends with exit code 0 after it has printed, as the last line, an object in JSON. The modes:

    worker        takes tasks until SIGTERM; as soon as it does it prints a line with "ready"
    worker N      runs N tasks that are queued, and ends:
                  {"tasks": N, "seconds": ..., "cpu_seconds": ...}, from when it is ready until the
                  last end is kept; the CPU time is that of this process meanwhile
    throughput N  has one task run, then begins its time, submits N tasks, waits for all results
                  and checks them: {"tasks": N, "seconds": ...}
    latency N     submits a task and waits for its result, N / 10 times and then N times:
                  {"tasks": N, "nanoseconds": the median of the N}
    publish N     submits N tasks of which nobody wants the result, until all are accepted:
                  {"tasks": N, "seconds": ..., "cpu_seconds": ...}
    ping N        as latency, a PING instead of a task

All have worker, throughput and latency; ours has worker N and publish N, too; the limit all. The
limit's worker takes a hundred tasks at once; so does ours, with a concurrency of 100.
"""
import argparse
import os
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

import cluster_run
import growth
import machine
import peer_programs
import report
from measure import Sample, Samples, bootstrap, choose, exit_code, figures, interleave, ratios

ROUNDS = 5
# With few there is little to be measured, and with many there is much to wait for.
QUEUED = {1_000: 5, 10_000: 5, 100_000: 3, 1_000_000: 2}  # tasks, rounds
PEER_BAR = 10


@dataclass(frozen=True)
class Count:
    """How many tasks a run has."""
    throughput: int
    latency: int


COUNTS = {"celery": Count(2_000, 200), "rq": Count(1_000, 200)}
OUR_COUNT = Count(50_000, 5_000)


@dataclass(frozen=True)
class Row:
    name: str
    title: str
    workers: int = 0
    bars: dict[str, float] = field(default_factory=dict)  # by whom it is compared with


ROWS = (
    Row("one", "tasks per second, 1 worker", 1, {"limit": 0.6, "celery": PEER_BAR, "rq": PEER_BAR}),
    Row("two", "tasks per second, 2 workers", 2,
        {"limit": 0.6, "celery": PEER_BAR, "rq": PEER_BAR}),
    Row("latency", "one task at a time, µs", bars={"PING": 3}),
    Row("queued", "a task of 1,000 to 1,000,000 queued, µs of CPU time",
        bars={"a smaller number": growth.BAR}),
)


def is_fast(row: Row) -> bool:
    """More is better."""
    return row.workers > 0


def count(name: str) -> Count:
    return COUNTS.get(name, OUR_COUNT)


def starter(row: Row, name: str, path: str) -> Callable[[], Sample]:
    if name == "PING":
        return lambda: cluster_run.ping(path, count(name).latency)
    if is_fast(row):
        return lambda: cluster_run.throughput(path, row.workers, count(name).throughput)
    return lambda: cluster_run.latency(path, count(name).latency)


def median(samples: Samples, name: str, by: str) -> float | None:
    found = figures(samples.get(name, []), by)
    return round(statistics.median(found), 1) if found else None


def compared(row: Row, against: str, samples: Samples) -> dict:
    """A bar is met if the better end of the interval reaches it. Nothing to compare: no ratio."""
    found = {"name": f"{row.name}_{against.lower()}", "title": row.title, "against": against,
             "bar": row.bars[against], "fast": is_fast(row),
             "ours": median(samples, "ours", "wall"), "theirs": median(samples, against, "wall"),
             "met": None, "ratio": None, "low": None, "high": None}
    if found["ours"] is None or found["theirs"] is None:
        return found
    of, to = (against, "ours") if is_fast(row) else ("ours", against)
    by_round = bootstrap(ratios(samples[of], samples[to], "wall"))
    reached = by_round.high >= found["bar"] if is_fast(row) else by_round.low <= found["bar"]
    return found | {"met": reached, "ratio": round(by_round.median, 4),
                    "low": round(by_round.low, 4), "high": round(by_round.high, 4)}


def measure(row: Row, programs: dict[str, str], peers: set[str], rounds: int, data: dict) -> None:
    chosen = programs | ({"PING": programs["limit"]} if "PING" in row.bars else {})
    samples, _ = interleave({name: starter(row, name, path) for name, path in chosen.items()},
                            rounds, peers)
    data["programs"][row.name] = {name: {by: median(samples, name, by) for by in ("wall", "cpu")}
                                  for name in chosen if any(samples[name])}
    data["rows"] += [compared(row, against, samples) for against in row.bars]


def measure_queued(row: Row, ours: str | None, rounds: int | None, data: dict) -> None:
    """Every number in turn, so that what else the machine does falls on all."""
    found: dict[int, list[tuple[Sample, Sample]]] = {number: [] for number in QUEUED}
    for number in range(max(QUEUED.values()) if ours else 0):
        for tasks, most in QUEUED.items():
            if number < (rounds or most):
                found[tasks].append(cluster_run.queued(ours, tasks))
    against, bar = next(iter(row.bars.items()))
    result = {"name": row.name, "title": row.title, "against": against, "bar": bar, "fast": False,
              "ours": None, "theirs": None, "met": None, "ratio": None}
    if ours:
        data["queued"] = {
            what: {by: [round(statistics.median(figures([s[i] for s in samples], by)), 1)
                        for samples in found.values()] for by in ("wall", "cpu")}
            for i, what in enumerate(("publish", "run"))}
        factor = max(growth.over_cheapest(costs["cpu"]) for costs in data["queued"].values())
        result |= {"ratio": factor, "low": factor, "high": factor, "met": factor <= bar}
    data["rows"].append(result)


def figure(nanoseconds: float | None, fast: bool) -> str:
    if nanoseconds is None:
        return report.number(None)
    return report.number(1e9 / nanoseconds if fast else nanoseconds / 1e3)


def cells(row: dict) -> list[str]:
    return [row["title"], figure(row["ours"], row["fast"]), row["against"],
            figure(row["theirs"], row["fast"]), report.interval(row),
            f"{'≥' if row['fast'] else '≤'} {row['bar']:g}",
            "" if row["met"] is None else report.VERDICTS[row["met"]]]


def table(data: dict) -> tuple[list[str], list[list[str]]]:
    return (["", "ours", "against", "theirs", "ratio", "bar", ""],
            [cells(row) for row in data["rows"]])


def of_program(data: dict, name: str) -> list[str]:
    line = [name]
    for row in ROWS[:3]:
        found = data["programs"].get(row.name, {}).get(name)
        said = figure(found and found["wall"], is_fast(row))
        line.append(f"{said} ({figure(found['cpu'], False)})" if found and is_fast(row) else said)
    return line


def programs_table(data: dict) -> str:
    names = dict.fromkeys(name for row in data["programs"].values() for name in row)
    head = ["tasks per second (µs of Redis' CPU time)", "1 worker", "2 workers", "latency, µs"]
    return report.markdown(head, [of_program(data, name) for name in names])


def queued_table(data: dict) -> str:
    if "queued" not in data:
        return ""
    titles = {"publish": "to publish it", "run": "to run it, when all are published"}
    head = ["µs of CPU time of a task (wall clock)", *(f"{number:,}" for number in QUEUED)]
    return "\n" + report.markdown(head, [
        [titles[what], *(f"{figure(cpu, False)} ({figure(wall, False)})"
                         for cpu, wall in zip(costs["cpu"], costs["wall"], strict=True))]
        for what, costs in data["queued"].items()])


def section(data: dict) -> str:
    """For bench/README.md."""
    said = "".join(f"- {name}: {version}\n"
                   for name, version in (data["versions"] | data["missing"]).items())
    return (
        "A function of an int, on workers that are other processes; tasks per second are from the "
        "first submission to the last result, at a client that submits "
        f"{OUR_COUNT.throughput:,} of them at once. The limit is hiredis, which gives the commands "
        "and scripts that ours gives, a hundred tasks at once, over connections that block "
        "([cluster/](cluster)). Each run has a redis-server of its own over TCP, on the same "
        f"machine, without persistence. Medians of {data['rounds']} rounds; the programs take "
        "turns, on all CPUs; a slow peer takes part in one round of three, with fewer tasks. The "
        f"load of the machine was {data['load']:.1f} before. "
        "Celery: one process (prefork), late acknowledgement, 64 tasks ahead, no gossip, mingling, "
        "heartbeat, events or rate limits, results asked for by MGET. RQ: SimpleWorker, which does "
        "not fork; tasks and results in pipelines. Latency is compared with a PING by hiredis. "
        "Queued: all tasks are published before the worker starts; the CPU time is that of the "
        "program and of Redis, and the ratio the most by which a task costs more than among fewer."
        "\n\n"
        + report.markdown(*table(data)) + "\n" + programs_table(data) + queued_table(data) + "\n"
        + said)


def programs_in(folder: str) -> dict[str, str]:
    """Of ours only if it was built."""
    ours = os.path.join(folder, "bench_cluster")
    if not os.path.exists(ours):
        print(f"{ours}: not built; no figures of ours")
    return {"limit": ours + "_limit"} | ({"ours": ours} if os.path.exists(ours) else {})


def run(arguments: argparse.Namespace) -> None:
    rows = choose(arguments.only, ROWS)
    programs = programs_in(os.path.abspath(arguments.programs))
    found, missing = peer_programs.build("cluster", arguments.build_dir)
    programs |= {name: peer.path for name, peer in found.items()}
    data = {"rows": [], "programs": {}, "rounds": arguments.rounds or ROUNDS, "missing": missing,
            "load": os.getloadavg()[0],
            "versions": {"redis": cluster_run.version()}
            | {name: peer.version for name, peer in found.items()}, **machine.provenance()}
    for row in rows:
        if row.name == "queued":
            measure_queued(row, programs.get("ours"), arguments.rounds, data)
        else:
            measure(row, programs, set(found), data["rounds"], data)
        path = machine.save(data, arguments.build_dir, "cluster-part.json")
    report.print_table(*table(data))
    if not (arguments.only or arguments.rounds):
        path = machine.is_whole(path)
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
