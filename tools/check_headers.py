#!/usr/bin/env python3
"""Every public header compiles alone, on both compilers, and costs no more than its budget.

The cost is lines after `g++ -E -P`, which are the same on every machine, unlike seconds.
"""
import concurrent.futures
import glob
import os
import subprocess
import sys

ROOT = os.path.normpath(os.path.join(os.path.dirname(__file__), ".."))
BUDGET = {"base": 30_000, "core": 30_000, "sync": 30_000}
OTHERS = 33_000
# What names std::unique_ptr<EventLoop>: libstdc++ makes that cost <ostream>.
WITH_UNIQUE_PTR = 37_000
USES_UNIQUE_PTR = {"datagram", "event_loop", "executor", "run", "testing", "threads", "workers",
                   "wrap_future"}
# Those and what a server needs: it defines members of EventLoop.
# And nlohmann's JSON, which is what http_json is for, and why it is a header of its own.
# And the codec with <variant>, for arguments and results.
BUDGET_OF = {"transports": 38_000, "subprocess_protocol": 38_000, "process_pool": 39_500,
             "cluster": 41_000, "http_json": 100_000}
UMBRELLA = 42_000  # the network's part of it is 1,500


def layers() -> dict[str, str]:
    found = {}
    with open(os.path.join(ROOT, "tools/layers.txt"), encoding="utf-8") as text:
        for line in text:
            if not line.startswith("#") and line.strip():
                layer, *headers = line.split()
                found.update({h: layer for h in headers})
    return found


def check(name: str, layer: str) -> str | None:
    program = f"#include <asyncio/{name}.hpp>\n#include <asyncio/{name}.hpp>\n"
    flags = ["-std=c++20", "-I", os.path.join(ROOT, "include"), "-x", "c++", "-"]
    for compiler in ("clang++-19", "g++"):
        run = subprocess.run([compiler, "-fsyntax-only", "-Wall", "-Wextra", "-Werror", *flags],
                             input=program, text=True, capture_output=True, check=False)
        if run.returncode != 0:
            return f"{name}.hpp does not compile alone with {compiler}:\n{run.stderr}"
    run = subprocess.run(["g++", "-E", "-P", *flags], input=program, text=True,
                         capture_output=True, check=True)
    lines = run.stdout.count("\n")
    budget = UMBRELLA if name == "asyncio" else BUDGET.get(layer, OTHERS)
    if name in USES_UNIQUE_PTR:
        budget = WITH_UNIQUE_PTR
    budget = BUDGET_OF.get(name, budget)
    if lines > budget:
        return f"{name}.hpp: {lines} lines after the preprocessor, {budget} are its budget"
    return None


def main() -> int:
    layer_of = layers()
    names = sorted(os.path.basename(p)[:-4]
                   for p in glob.glob(os.path.join(ROOT, "include/asyncio/*.hpp")))
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda n: check(n, layer_of.get(n, "")), names))
    errors = [r for r in results if r]
    print("\n".join(errors) if errors else
          f"headers: {len(names)} compile alone with both compilers, within their budgets")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
