#!/usr/bin/env python3
"""The network: the library's servers against the least that can be written by hand, and others.

Usage: net.py [--quick] [--only ROW,...] [--servers NAME,...] [--no-fifo] PROGRAMS BUILD_DIR

PROGRAMS is the folder of what net/CMakeLists.txt builds. Whatever is missing there, or in
compare/, is left out, and it says so. NAME is a server's name or its first word, such as ours,
python or "ours protocol epoll", with - for spaces; the limit runs always. The results are in
BUILD_DIR/bench/net.json; with any of the options in net-part.json beside it.
"""
import argparse
import os
import random
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass

import machine
import net_report
import net_rows
import net_run
import peer_programs
from measure import CPU, SEED, Failed, Interval, bootstrap, choose, environment, exit_code
from net_rows import BEST_PEER, ROWS, Row, Server, is_ours
from net_run import Bench, Sample

FEWEST, MOST = 5, 21  # rounds
NARROW = 0.05
FIGURES = 3  # runs of what hardly differs
SECONDS = 0.3
QUICK = {"seconds": 0.1, "most": 2, "figures": 1}

Rounds = dict[str, list[Sample | None]]


@dataclass(frozen=True)
class Effort:
    seconds: float = SECONDS
    most: int = MOST
    figures: int = FIGURES


def certify(folder: str) -> dict[str, str]:
    """A certificate and its key, for the environment of all servers."""
    files = {"BENCH_NET_CERTIFICATE": os.path.join(folder, "certificate.pem"),
             "BENCH_NET_KEY": os.path.join(folder, "key.pem")}
    os.makedirs(folder, exist_ok=True)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=localhost", "-days",
                    "30", "-out", files["BENCH_NET_CERTIFICATE"], "-keyout",
                    files["BENCH_NET_KEY"]], check=True, capture_output=True)
    return files


def find_servers(arguments: argparse.Namespace) -> tuple[list[Server], dict[str, str], dict]:
    """Those there are; the versions; what is missing, and why."""
    wanted = arguments.servers.split(",") if arguments.servers else None

    def chosen(name: str) -> bool:
        return wanted is None or any(net_rows.matches(name, one) for one in wanted)

    folder = os.path.abspath(arguments.programs)
    own = [*net_rows.limits(folder), *(s for s in net_rows.ours(folder) if chosen(s.name))]
    missing = {s.name: f"{os.path.basename(s.path)} is not built" for s in own
               if not os.path.exists(s.path)}
    names = [name for name in peer_programs.names("net")
             if any(chosen(server.name) for server in net_rows.peer(name, ""))]
    found, not_installed = peer_programs.build("net", arguments.build_dir, names)
    peers = [s for name in found for s in net_rows.peer(name, found[name].path) if chosen(s.name)]
    for name, why in missing.items():
        print(f"{name}: left out: {why}")
    versions = {name: peer.version for name, peer in found.items()}
    return [s for s in own if s.name not in missing] + peers, versions, missing | not_installed


def servers_of(row: Row, servers: list[Server], limit_too: bool = True) -> dict[str, Server]:
    fit = {s.name: s for s in servers if row.mode in s.modes}
    return fit if limit_too else {n: s for n, s in fit.items() if n != row.limit()}


def ratios(of: list[Sample | None], to: list[Sample | None]) -> list[float]:
    """How much more the first does in the same time, round by round."""
    return [b.cost() / a.cost() for a, b in zip(of, to, strict=True) if a and b]


def narrow(found: Interval) -> bool:
    return max(found.high - found.median, found.median - found.low) <= NARROW * found.median


def interleave(servers: dict[str, Server], limit: str, most: int,
               once: Callable[[Server], Sample]) -> tuple[Rounds, dict[str, str]]:
    """The limit runs in each round, the others until their ratio to it is known well enough.

    Also returns those that fail, and how.
    """
    order, failed = random.Random(SEED), {}
    samples: Rounds = {name: [] for name in servers}
    active = list(servers)
    for number in range(1, most + 1):
        order.shuffle(active)
        for name in list(active):
            try:
                samples[name].append(once(servers[name]))
            except Failed as failure:
                if name == limit:
                    raise
                failed[name] = str(failure)
                active.remove(name)
        for done in samples.values():
            done.extend([None] * (number - len(done)))
        if number >= FEWEST:
            active = [n for n in active if n == limit or
                      not narrow(bootstrap(ratios(samples[n], samples[limit])))]
        if active == [limit]:
            break
    return {name: done for name, done in samples.items() if name not in failed}, failed


def interval_of(values: list[float]) -> dict:
    if not values:
        return {"ratio": None, "low": None, "high": None}
    found = bootstrap(values)
    return {"ratio": round(found.median, 4), "low": round(found.low, 4),
            "high": round(found.high, 4)}


def rate_of(samples: list[Sample | None], limit: list[Sample | None]) -> dict:
    ran = [s for s in samples if s]
    ns = statistics.median(s.cost() for s in ran)
    ticks = sum(s.user + s.system for s in ran)
    return {"ns": round(ns, 1), "user_ns": round(ns * sum(s.user for s in ran) / max(1, ticks), 1),
            "rounds": len(ran), **interval_of(ratios(samples, limit))}


def rates(row: Row, servers: dict[str, Server], bench: Bench, effort: Effort) -> dict:
    samples, failed = interleave(servers, row.limit(), effort.most,
                                 lambda server: net_run.rate(bench, server, row))
    found = {name: rate_of(done, samples[row.limit()]) for name, done in samples.items()}
    peers = [name for name in row.peers if name in found]
    best_peer = min(peers, key=lambda name: found[name]["ns"], default=None)
    to = best_peer if row.against == BEST_PEER and best_peer else row.limit()
    for name in filter(is_ours, found):
        to_bar = interval_of(ratios(samples[name], samples[to]))
        found[name] |= {"to_bar": to_bar, "met": (to_bar["high"] or 0) >= row.bar_of(name)}
    return {"servers": found, "failed": failed, "best_peer": best_peer}


def figures(row: Row, servers: dict[str, Server], bench: Bench, effort: Effort) -> dict:
    once = net_run.calls if row.figure == "calls" else net_run.memory
    found, failed = {}, {}
    for name, server in servers.items():
        try:
            value = statistics.median(once(bench, server, row) for _ in range(effort.figures))
        except Failed as failure:
            failed[name] = str(failure)
            continue
        found[name] = {"value": round(value, 3)}
        if is_ours(name):
            found[name]["met"] = value <= row.bar_of(name)
    return {"servers": found, "failed": failed, "best_peer": None}


def best_of_ours(row: Row, servers: dict) -> str | None:
    own = list(filter(is_ours, servers))
    return min(own, key=lambda name: servers[name]["value" if row.figure else "ns"], default=None)


def measure(row: Row, servers: list[Server], bench: Bench, effort: Effort) -> dict:
    work = figures if row.figure else rates
    found = work(row, servers_of(row, servers), bench, effort)
    best = best_of_ours(row, found["servers"])
    none = False if any(map(is_ours, found["failed"])) else None
    return {"name": row.name, "title": row.title, "bar": row.bar, "figure": row.figure,
            "against": row.against, "limit": row.limit(), "ours": best,
            "met": found["servers"][best]["met"] if best else none, **found}


def tool_missing(row: Row, servers: list[Server]) -> str:
    tool = "wrk" if row.load == "wrk" else "strace" if row.figure == "calls" else ""
    if tool and not shutil.which(tool):
        return f"missing Debian package: {tool}"
    return "" if row.limit() in servers_of(row, servers) else f"there is no {row.limit()}"


def run(arguments: argparse.Namespace) -> None:
    rows = choose(arguments.only, ROWS)
    effort = Effort(**QUICK) if arguments.quick else Effort()
    servers, versions, missing = find_servers(arguments)
    fifo = not arguments.no_fifo and net_run.fifo_allowed()
    print(f"all on CPU {CPU}, {'SCHED_FIFO' if fifo else 'SCHED_OTHER'}")
    if len(others := os.sched_getaffinity(0) - {CPU}) > 0:
        os.sched_setaffinity(0, others)  # this process only watches
    own_environment = environment() | certify(os.path.join(arguments.build_dir, "bench", "net"))
    load = os.path.join(os.path.abspath(arguments.programs), "bench_net_load")
    bench = Bench(load, effort.seconds, fifo, own_environment)
    data = {"rows": [], "seconds": effort.seconds, "most_rounds": effort.most, "fifo": fifo,
            "versions": versions, "missing": missing, **machine.provenance()}
    for row in rows:
        if why := tool_missing(row, servers):
            print(f"\n{row.title}: left out: {why}")
            continue
        data["rows"].append(measure(row, servers, bench, effort))
        net_report.print_row(data["rows"][-1])
        path = machine.save(data, arguments.build_dir, "net-part.json")
    if not data["rows"]:
        return
    if not (arguments.quick or arguments.only or arguments.servers or arguments.no_fifo):
        path = machine.is_whole(path)
    print("\n" + os.path.relpath(path))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="two short rounds")
    parser.add_argument("--only", metavar="ROW,...", help=", ".join(row.name for row in ROWS))
    parser.add_argument("--servers", metavar="NAME,...", help="e.g. ours,tokio,python-streams")
    parser.add_argument("--no-fifo", action="store_true", help="under the ordinary scheduler")
    for name in ("programs", "build_dir"):
        parser.add_argument(name, metavar=name.upper())
    return exit_code(run, parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
