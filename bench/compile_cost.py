#!/usr/bin/env python3
"""What including the library costs: CPU time of the compiler, lines, size of a small program.

Usage: compile_cost.py INCLUDE_DIR LIBRARY BUILD_DIR

The programs are in bench/compile/: the same coroutine by a type of its own, by Boost.Asio and by
the library. LIBRARY is libasyncio.a. The results are in BUILD_DIR/bench/compile.json. That every
header keeps to its budget of lines is checked by tools/check_headers.py.
"""
import os
import re
import resource
import statistics
import sys
import tempfile
from collections.abc import Callable

import machine
import report
from measure import (Failed, Sample, Samples, bootstrap, exit_code, figures, interleave, ratios,
                     run)

HERE = os.path.dirname(os.path.abspath(__file__))
COMPILER = "clang++-19"
FLAGS = ["-std=c++20", "-O2"]
ROUNDS = 7
PROGRAMS = {"empty": "a coroutine type of its own", "asio": "Boost.Asio", "asyncio": "asyncio"}
BARS = {"asio": 0.4, "empty": 2.0}
HEAD = ["", "CPU time, s", "ours / this", "bar", "", "stripped, KiB", "ours / this"]


def source(name: str) -> str:
    return os.path.join(HERE, "compile", f"{name}.cpp")


def cpu_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def has_asio() -> bool:
    text = "#if !__has_include(<boost/asio/awaitable.hpp>)\n#error\n#endif\n"
    with tempfile.NamedTemporaryFile("w", suffix=".cpp") as probe:
        probe.write(text)
        probe.flush()
        try:
            run([COMPILER, *FLAGS, "-fsyntax-only", probe.name])
        except Failed:
            return False
    return True


def compiling(name: str, include: str, directory: str) -> Callable[[], Sample]:
    command = [COMPILER, *FLAGS, "-I", include, "-c", source(name), "-o",
               os.path.join(directory, f"{name}.o")]

    def once() -> Sample:
        before = cpu_of_children()
        run(command)
        seconds = cpu_of_children() - before
        return Sample(seconds, seconds)
    return once


def umbrella_lines(include: str) -> int:
    path = os.path.join(include, "asyncio", "asyncio.hpp")
    return run([COMPILER, *FLAGS, "-E", "-P", "-x", "c++", "-I", include, path]).stdout.count("\n")


def stripped_size(name: str, library: str, directory: str) -> int:
    object_file, binary = (os.path.join(directory, name + end) for end in (".o", ""))
    libraries = [library, "-lfmt", "-luring"] if name == "asyncio" else []
    run([COMPILER, *FLAGS, object_file, *libraries, "-pthread", "-o", binary])
    run(["strip", binary])
    run([binary])
    return os.path.getsize(binary)


def row(name: str, samples: Samples, sizes: dict[str, int]) -> dict:
    found = bootstrap(ratios(samples["asyncio"], samples[name], "cpu"))
    bar = BARS.get(name)
    return {
        "name": name, "title": PROGRAMS[name],
        "seconds": round(statistics.median(figures(samples[name], "cpu")), 4),
        "ratio": round(found.median, 4), "low": round(found.low, 4), "high": round(found.high, 4),
        "bar": bar, "met": None if bar is None else found.reaches(bar),
        "bytes": sizes[name], "bytes_ratio": round(sizes["asyncio"] / sizes[name], 4),
    }


def cells(found: dict) -> list[str]:
    """For HEAD."""
    judged = ["–", "–", ""]
    if found["bar"] is not None:
        judged = [report.interval(found), f"{found['bar']:g}", report.VERDICTS[found["met"]]]
    sizes = [f"{found['bytes'] / 1024:.0f}", f"{found['bytes_ratio']:.2f}"]
    return [found["title"], f"{found['seconds']:.3f}", *judged, *sizes]


def asio_version() -> str:
    macro = run([COMPILER, "-E", "-dM", "-x", "c++", "-include", "boost/version.hpp", "/dev/null"])
    found = re.search(r'BOOST_LIB_VERSION "([\d_]+)"', macro.stdout)
    return f"Boost {found[1].replace('_', '.')}" if found else "Boost"


def measure(include: str, library: str) -> dict:
    asio = has_asio()
    names = [name for name in PROGRAMS if name != "asio" or asio]
    with tempfile.TemporaryDirectory() as directory:
        runs = {name: compiling(name, include, directory) for name in names}
        for first in runs.values():
            first()  # Files that are not in memory yet are not the compiler's cost.
        samples, _ = interleave(runs, ROUNDS)
        sizes = {name: stripped_size(name, library, directory) for name in names}
    return {"rows": [row(name, samples, sizes) for name in names], "rounds": ROUNDS,
            "umbrella_lines": umbrella_lines(include),
            "asio": asio_version() if asio else "not installed", **machine.provenance()}


def print_result(data: dict, path: str) -> None:
    report.print_table(HEAD, [cells(found) for found in data["rows"]])
    print(f"\n{COMPILER} {' '.join(FLAGS)}, no ccache: CPU time of -c, median of {data['rounds']} "
          f"rounds [95 % interval]; Asio: {data['asio']}\n"
          f"<asyncio/asyncio.hpp> is {data['umbrella_lines']:,} lines after -E -P\n"
          f"{os.path.relpath(path)}")


def measure_and_print(include: str, library: str, build_dir: str) -> None:
    data = measure(include, library)
    print_result(data, machine.save(data, build_dir, "compile.json"))


def main() -> int:
    if len(sys.argv) != 4:
        print(__doc__, file=sys.stderr)
        return 2
    return exit_code(measure_and_print, *sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
