#!/usr/bin/env python3
"""How many of CPython's test methods have a test of ours: tests/parity/inventory.md says which.

Its tables, one below a heading "## test_MODULE" each, have the columns

    CPython's | ours | note

"ours" are names as ctest has them, LAYER.Suite.Name, or must_not_compile.NAME; `MISSING` where
there is none yet, with what it would have to check; `none` where there cannot be one, with the
reason. Every test that is named must be in the sources, and 95 % of the methods must have one.
"""
import glob
import re
import sys

from ledger import ROOT, read, tests_of

INVENTORY = "tests/parity/inventory.md"
ENOUGH = 95  # per cent

ROW = re.compile(r"^\| `([\w.]+)` \| (.*?) \| (.*?) ?\|$")


def our_tests() -> set[str]:
    sources = (glob.glob("tests/*/*_test.cpp", root_dir=ROOT) +
               glob.glob("tests/must_not_compile/*.cpp", root_dir=ROOT))
    return {test.name for path in sources for test in tests_of(path)}


def main() -> int:
    known = our_tests()
    errors: list[str] = []
    counts: dict[str, list[bool]] = {}  # of each module: whether a method has a test
    seen: set[str] = set()
    module = ""
    for number, line in enumerate(read(INVENTORY).splitlines(), 1):
        place = f"{INVENTORY}:{number}"
        if line.startswith("## "):
            module = line.removeprefix("## ")
        elif line.startswith("| `"):
            match = ROW.match(line)
            if match is None:
                errors.append(f"{place}: this is no row of three columns")
                continue
            method, ours, note = match.groups()
            names = [] if ours in ("MISSING", "none") else re.split(r",\s*", ours)
            errors += [f"{place}: there is no test {name}" for name in names if name not in known]
            if not names and not note:
                errors.append(f"{place}: {ours} without a note")
            if f"{module} {method}" in seen:
                errors.append(f"{place}: {method} is listed twice")
            seen.add(f"{module} {method}")
            counts.setdefault(module, []).append(bool(names))
    for name, covered in counts.items():
        percent = 100 * sum(covered) / len(covered)
        print(f"{name}: {sum(covered)} of {len(covered)}, {percent:.0f} %")
    covered = [one for of_module in counts.values() for one in of_module]
    percent = 100 * sum(covered) / max(len(covered), 1)
    print(f"in all: {sum(covered)} of {len(covered)} methods, {percent:.1f} %")
    if percent < ENOUGH:
        errors.append(f"{INVENTORY}: less than {ENOUGH} % have a test")
    print("\n".join(errors), end="\n" if errors else "")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
