#!/usr/bin/env python3
"""Writes bench/README.md from the results of micro.py, growth.py, net.py, http_main.py,
processes.py, traces.py, inspections.py, cluster.py and compile_cost.py.

Usage: readme.py BUILD_DIR

What has not been run is said to be missing. bench/notes.md may have a section for each row, below
"## NAME", that says why the row misses its bar; NAME is the row's, in the table of growth
growth_ROW, in those of the network net_ROW, in those of HTTP http_ROW, in that of the cluster
cluster_ROW_AGAINST, and compile_asio or compile_empty for the compiler's cost.
"""
import os
import re
import sys

import cluster
import http_report
import inspections
import machine
import net_report
import processes
import report
import traces
from measure import EVERY, EXPENSIVE
from net_rows import LOOPS

HERE = os.path.join(machine.ROOT, "bench")
NOT_RUN = "Not run yet.\n"

HOW = """\
    ./dev bench             # everything below, and this file anew
    ./dev bench micro       # against the hand-written minimum and against other libraries
    ./dev bench growth      # what an operation costs among a thousand and among a million
    ./dev bench compile     # what including the library costs
    ./dev bench net         # servers, per CPU time; --quick, --only ROW,..., --servers NAME,...
    ./dev bench http        # clients and servers of HTTP; --quick, --only ROW,...
    ./dev bench process     # children, pipes, the process pool, files; --rounds N, --only ROW,...
    ./dev bench trace       # what it costs to look at a loop; --rounds N, --only ROW,...
    ./dev bench inspect     # looking into a program from outside; --rounds N, --only ROW,...
    ./dev bench cluster     # tasks on workers, over Redis; --rounds N, --only ROW,...
    ./dev bench --install   # installs the other libraries first

A library that is not installed is left out, and the table says so.
"""

METHOD = """\
The limit is the least that does the same work, written by hand for these rows \
([limit/](limit)). It is plain on purpose: a mutex for what other threads post, a heap that puts \
each timer in its place at once and keeps equal deadlines in order, locks and queues that promise \
what they have to who waits longest. (With a spin lock a post took \
it 11 ns, with bursts put in order when asked for a timer 27 and a sleep 414; the library has the \
latter.) Every figure is that of a process of its own. All processes run on one CPU, \
in turn: the limit, the library and its peers once in each of {rounds} rounds, in an order that \
changes from round to round; a peer whose process takes longer than {expensive} s runs in one \
round of {every}. The ratio is taken within a round; the table has its median with a bootstrap \
interval of 95 %, and a bar is met if the lower end of the interval reaches it. Where the \
interval of the wall clock is wider than ±10 %, the row is judged by CPU time, and where that \
does not help, by instructions in user space; it says so. A row that is noisy nevertheless is \
met or missed only if the whole interval is.
"""


def section(title: str, body: str, level: int = 2) -> str:
    return f"{'#' * level} {title}\n\n{body}\n"


def measured(data: dict) -> str:
    return f"Commit {data['commit']}, {data['date']}.\n\n"


def about_machine(results: list[dict | None]) -> str:
    data = next((r for r in results if r), None)
    if data is None:
        return NOT_RUN
    found = data["machine"]
    lines = [f"CPU: {found['cpu']}, {found['cores']} cores", f"Kernel: {found['kernel']}",
             f"Memory: {found['memory_gib']} GiB",
             *(f"{name}: {version}" for name, version in found["compilers"].items()),
             f"Commit: {data['commit']}", f"Date: {data['date']}"]
    return "".join(f"- {line}\n" for line in lines)


def judged(row: dict) -> str:
    said = [report.VERDICTS[row["met"]], *report.how(row)]
    if row["note"]:
        said.append(row["note"])
    elif row["against"].startswith("limit "):
        said.append(f"against {row['against']}")
    return ", ".join(said)


def rows_in(data: dict, unit: str) -> list[dict]:
    return [row for row in data["rows"] if row["unit"] == unit]


def peers_in(rows: list[dict]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row["peers"]))


def micro_table(rows: list[dict]) -> str:
    peers = peers_in(rows)
    head = ["ns per operation", "limit", "ours", "ours / limit", "bar", "", *peers]
    return report.markdown(head, [
        [row["title"], report.number(row["limit_ns"]), report.number(row["ours_ns"]),
         report.interval(row), report.bar(row), judged(row),
         *(report.number(row["peers"].get(name)) for name in peers)] for row in rows])


def versions(data: dict) -> str:
    missing = data["missing"]
    lines = [f"- {name}: " + ("not measured: " if name in missing else "") + said
             for name, said in data["peers"].items()]
    return "\n" + "\n".join(lines) + "\n" if lines else "\nNo other library was measured.\n"


def micro(data: dict | None) -> str:
    if data is None:
        return NOT_RUN
    return measured(data) + micro_table(rows_in(data, "ns")) + versions(data)


def memory(data: dict | None) -> str:
    rows = rows_in(data, "bytes") if data else []
    if not rows:
        return NOT_RUN
    peers = peers_in(rows)
    text = "What the most memory of a process grows by, for each of many tasks that sleep.\n\n"
    return text + report.markdown(["bytes", "ours", "bar", "", *peers], [
        [row["title"], report.number(row["ours_ns"]), f"{row['bar']:g}",
         report.VERDICTS[row["met"]], *(report.number(row["peers"].get(n)) for n in peers)]
        for row in rows])


def growth(data: dict | None) -> str:
    if data is None:
        return NOT_RUN
    text = ("CPU time of an operation among so many, relative to that among 1,000; median of "
            f"{data['processes']} processes. A heap of timers may grow by the logarithm. With few "
            "operations a good part is what starts and ends a loop; the last column compares with "
            "the cheapest of the smaller numbers instead.\n\n")
    head = ["", "ns at 1,000", *(f"{n:,}" for n in data["numbers"][1:]), "bar", "", "over cheapest"]
    rows = [[row["title"], report.number(row["ns"][0]),
             *(report.factor(r) for r in row["relative"][1:]), f"{row['bar']:g}",
             report.VERDICTS[row["met"]], report.factor(row["over_cheapest"])]
            for row in data["rows"]]
    image = "\n![cost of an operation by the number of operations](growth.svg)\n"
    return measured(data) + text + report.markdown(head, rows) + image


def compile_row(row: dict) -> list[str]:
    against = ["–", "–", ""]
    if row["bar"] is not None:
        against = [report.interval(row), f"{row['bar']:g}", report.VERDICTS[row["met"]]]
    return [row["title"], f"{row['seconds']:.3f}", *against, f"{row['bytes'] / 1024:.0f}"]


def compile_cost(data: dict | None) -> str:
    if data is None:
        return NOT_RUN
    text = ("One coroutine that is run, three times ([compile/](compile)): CPU time of "
            f"`clang++-19 -std=c++20 -O2 -c`, median of {data['rounds']} rounds, and the size of "
            f"the stripped program. Asio: {data['asio']}. `<asyncio/asyncio.hpp>` is "
            f"{data['umbrella_lines']:,} lines after the preprocessor.\n\n")
    head = ["", "CPU time, s", "ours / this", "bar", "", "size, KiB"]
    return measured(data) + text + report.markdown(head, [compile_row(r) for r in data["rows"]])


def network(data: dict | None) -> str:
    return NOT_RUN if data is None else measured(data) + net_report.section(data, ", ".join(LOOPS))


def http(data: dict | None) -> str:
    return NOT_RUN if data is None else measured(data) + http_report.section(data)


def processes_section(data: dict | None) -> str:
    return NOT_RUN if data is None else measured(data) + processes.section(data)


def traces_section(data: dict | None) -> str:
    return NOT_RUN if data is None else measured(data) + traces.section(data)


def inspections_section(data: dict | None) -> str:
    return NOT_RUN if data is None else measured(data) + inspections.section(data)


def cluster_section(data: dict | None) -> str:
    return NOT_RUN if data is None else measured(data) + cluster.section(data)


def notes() -> dict[str, str]:
    path = os.path.join(HERE, "notes.md")
    if not os.path.exists(path):
        return {}
    with open(path, encoding="utf-8") as text:
        parts = re.split(r"^## (\S+)[ \t]*\n", text.read(), flags=re.MULTILINE)
    return {name: body.strip() for name, body in zip(parts[1::2], parts[2::2], strict=True)}


def missed(results: list[dict | None]) -> list[tuple[str, str]]:
    """The names in notes.md and the titles."""
    found = []
    for prefix, data in zip(("", "growth_", "compile_", "net_", "http_", "process_", "trace_",
                             "inspect_", "cluster_"),
                            results, strict=True):
        for row in data["rows"] if data else []:
            if row["met"] is False:
                found.append((prefix + row["name"], row["title"]))
    return found


def reasons(results: list[dict | None]) -> str:
    known = notes()
    rows = missed(results)
    if not rows:
        return "None of those that were run.\n" if any(results) else NOT_RUN
    return "\n".join(section(f"{name}: {title}", known.get(name, "no note yet"), 3)
                     for name, title in rows)


def readme(results: list[dict | None]) -> str:
    (micro_data, growth_data, compile_data, net_data, http_data, process_data,
     trace_data, inspect_data, cluster_data) = results
    rounds = micro_data["rounds"] if micro_data else 21
    parts = [
        section("Machine", about_machine(results)),
        section("How to run", HOW),
        section("Method", METHOD.format(
            rounds=rounds, expensive=EXPENSIVE, every=EVERY)),
        section("Operations", micro(micro_data)),
        section("Memory", memory(micro_data)),
        section("Growth", growth(growth_data)),
        section("Network", network(net_data)),
        section("HTTP", http(http_data)),
        section("Processes and files", processes_section(process_data)),
        section("Looking at a loop", traces_section(trace_data)),
        section("Looking from outside", inspections_section(inspect_data)),
        section("Tasks on workers", cluster_section(cluster_data)),
        section("What including it costs", compile_cost(compile_data)),
        section("Rows that miss, and why", reasons(results)),
    ]
    text = "# Benchmarks\n\nWritten by `./dev bench`; do not edit.\n\n" + "\n".join(parts)
    return machine.without_paths(re.sub(r"\n{3,}", "\n\n", text).rstrip() + "\n")


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    names = ("micro.json", "growth.json", "compile.json", "net.json", "http.json", "processes.json",
             "traces.json", "inspections.json", "cluster.json")
    results = [machine.load(sys.argv[1], name) for name in names]
    path = os.path.join(HERE, "README.md")
    with open(path, "w", encoding="utf-8") as out:
        out.write(readme(results))
    print(os.path.relpath(path))
    return 0


if __name__ == "__main__":
    sys.exit(main())
