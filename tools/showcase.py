#!/usr/bin/env python3
"""What `./dev run` shows.

Usage: showcase.py DIR           the list of programs, then a handful of them
       showcase.py --find NAME DIR   the full name of one, by number or part of its name
"""
import glob
import os
import subprocess
import sys
import time

SOURCES = os.path.join(os.path.dirname(__file__), "..", "examples", "seeds")
# What each would take if its waits were done one after the other, in seconds.
SHOWN = {"01": None, "07": 39.0, "08": 8.0, "10": 2.0, "28": 8.0}


def programs() -> list[str]:
    return sorted(os.path.basename(p)[:-4] for p in glob.glob(os.path.join(SOURCES, "*.cpp")))


def title(name: str) -> str:
    with open(os.path.join(SOURCES, name + ".cpp"), encoding="utf-8") as source:
        return source.readline().removeprefix("//").strip()


def find(wanted: str) -> int:
    names = programs()
    exact = [n for n in names if wanted in (n, n.split("_")[0], n.split("_")[0].lstrip("0"))]
    found = exact or [n for n in names if wanted in n]
    if len(found) == 1:
        print(found[0])
        return 0
    reason = "no example" if not found else "more than one example"
    print(f"{reason} matches \"{wanted}\"; there are:", file=sys.stderr)
    for name in found or names:
        print(f"  {name}", file=sys.stderr)
    return 1


def bold(text: str) -> str:
    return f"\033[1m{text}\033[0m" if sys.stdout.isatty() else text


def show(name: str, directory: str, in_sequence: float | None) -> None:
    print("\n" + bold(f"── examples/seeds/{name}.cpp"))
    print(f"   {title(name)}\n", flush=True)
    began = time.monotonic()
    subprocess.run([os.path.join(directory, "seed_" + name)], check=False)
    took = time.monotonic() - began
    beside = f"; one after the other: {in_sequence:.1f} s" if in_sequence else ""
    print(bold(f"   took {took:.1f} s{beside}"), flush=True)


def main() -> int:
    if sys.argv[1] == "--find":
        return find(sys.argv[2])
    directory = sys.argv[1]
    print(bold("asyncio for C++: the programs of the seed documents"))
    print("run one by its number or a part of its name: ./dev run 28, ./dev run sequential\n")
    for name in programs():
        print(f"  {name:42} {title(name)}")
    for name in programs():
        number = name.split("_")[0]
        if number in SHOWN:
            show(name, directory, SHOWN[number])
    return 0


if __name__ == "__main__":
    sys.exit(main())
