#!/usr/bin/env python3
"""What `./dev run` shows.

Usage: showcase.py DIR               the list of programs, then a handful of them
       showcase.py --find NAME DIR   the full name of one, by number or part of its name
"""
import glob
import os
import subprocess
import sys
import time

EXAMPLES = os.path.join(os.path.dirname(__file__), "..", "examples")
# What each would take if its waits were done one after the other, in seconds.
SHOWN = {"seeds/01_coroutine_vs_function": None, "seeds/07_three_tasks_three_seconds": 39.0,
         "crawler": None}


def sources() -> list[str]:
    """seeds/NAME of the seed documents' programs, then NAME of the others."""
    def found(pattern: str) -> list[str]:
        paths = glob.glob(os.path.join(EXAMPLES, pattern))
        return sorted(os.path.relpath(p, EXAMPLES)[:-4] for p in paths)
    return found("seeds/*.cpp") + found("*.cpp")


def target(source: str) -> str:
    return source.replace("seeds/", "seed_")


def title(source: str) -> str:
    with open(os.path.join(EXAMPLES, source + ".cpp"), encoding="utf-8") as text:
        first = text.readline()
    return first.removeprefix("//").strip() if first.startswith("//") else "what README.md shows"


def find(wanted: str) -> int:
    wanted = wanted.replace("-", "_")
    names = {os.path.basename(source): target(source) for source in sources()}
    exact = [n for n in names if wanted in (n, n.split("_")[0], n.split("_")[0].lstrip("0"))]
    found = exact or [n for n in names if wanted in n]
    if len(found) > 1 and wanted in found:
        found = [wanted]
    if len(found) == 1:
        print(names[found[0]])
        return 0
    reason = "no example" if not found else "more than one example"
    print(f"{reason} matches \"{wanted}\"; there are:", file=sys.stderr)
    for name in found or names:
        print(f"  {name}", file=sys.stderr)
    return 1


def bold(text: str) -> str:
    return f"\033[1m{text}\033[0m" if sys.stdout.isatty() else text


def show(source: str, directory: str, in_sequence: float | None) -> None:
    print("\n" + bold(f"── examples/{source}.cpp"))
    print(f"   {title(source)}\n", flush=True)
    began = time.monotonic()
    subprocess.run([os.path.join(directory, target(source))], check=False)
    took = time.monotonic() - began
    beside = f"; one after the other: {in_sequence:.1f} s" if in_sequence else ""
    print(bold(f"   took {took:.1f} s{beside}"), flush=True)


def main() -> int:
    if sys.argv[1] == "--find":
        return find(sys.argv[2])
    directory = sys.argv[1]
    print(bold("asyncio for C++: the programs of the seed documents, and others"))
    print("run one by its number or a part of its name: ./dev run 28, ./dev run crawler\n")
    for source in sources():
        print(f"  {os.path.basename(source):42} {title(source)}")
    for shown, in_sequence in SHOWN.items():
        show(shown, directory, in_sequence)
    return 0


if __name__ == "__main__":
    sys.exit(main())
