#!/usr/bin/env python3
"""How many statements of the behaviour catalogue the tests cover.

Usage: ledger.py [RESULTS.xml]

tests/statements.txt says which statements there are, docs/parity.md explains those that do not hold
here, and the comment above a test cites those that it checks:

    // COMB-013, failure 18: told once
    // LOOP-060 to LOOP-066

The ids stand at the beginning of a line; what follows a colon, a semicolon or a parenthesis is
prose and may name others. A program in tests/must_not_compile/ cites them in the comment at its
head. Only a test that passed counts, by what `ctest --output-junit` has written to RESULTS.xml: one
that was skipped, disabled or not built shows nothing.
"""
import glob
import os
import re
import sys
from typing import NamedTuple
from xml.etree import ElementTree

ROOT = os.path.normpath(os.path.join(os.path.dirname(__file__), ".."))
MANY = 5  # A test that cites more statements than these hardly checks each of them.

IDS = re.compile(r"\b([A-Z]+)-(\d{3})\b(?:\s*(?:\.\.|to)\s*\1-(\d{3})\b)?")
CITATION = re.compile(r"// (?:failure \d+, )*[A-Z]+-\d{3}\b[^:;(]*")
TEST = re.compile(r"^(?:ASYNC_)?TEST(?:_F|_P)?\(\s*(\w+),\s*(\w+)\)", re.MULTILINE)
# ctest's name of a parametrised test: LAYER.PREFIX/SUITE.NAME/PARAMETER, one for each parameter.
PARAMETRISED = re.compile(r"(\w+)\.(?:\w+/)?(\w+\.\w+)/.*")


class Test(NamedTuple):
    name: str  # ctest's, without parameters
    place: str
    ids: list[str]


def read(path: str) -> str:
    with open(os.path.join(ROOT, path), encoding="utf-8") as text:
        return text.read()


def ids_in(text: str) -> list[str]:
    return [f"{prefix}-{number:03}" for prefix, first, last in IDS.findall(text)
            for number in range(int(first), int(last or first) + 1)]


def as_ranges(ids: list[str]) -> str:
    def next_to(i: str) -> str:
        prefix, number = i.split("-")
        return f"{prefix}-{int(number) + 1:03}"

    runs: list[list[str]] = []
    for i in ids:
        if runs and i == next_to(runs[-1][-1]):
            runs[-1].append(i)
        else:
            runs.append([i])
    return ", ".join(run[0] if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs)


def catalogue() -> tuple[dict[str, list[str]], set[str]]:
    """The ids of every file, and the files that are complete."""
    statements, complete = {}, set()
    for line in read("tests/statements.txt").splitlines():
        if line.startswith("#") or not line.strip():
            continue
        name, *words = line.split()
        statements[name] = ids_in(" ".join(words))
        if words[-1] == "complete":
            complete.add(name)
    return statements, complete


def cited(comment: list[str]) -> list[str]:
    lists = [match[0] for line in comment if (match := CITATION.match(line))]
    return sorted(set(ids_in(" ".join(lists))))


def comment_above(lines: list[str]) -> list[str]:
    """The comment lines at the end of `lines`."""
    first = len(lines)
    while first > 0 and lines[first - 1].startswith("//"):
        first -= 1
    return lines[first:]


def tests_of(path: str) -> list[Test]:
    text = read(path)
    folder, file = path.split("/")[1:]
    if folder == "must_not_compile":
        head = re.match(r"(?://.*\n)*", text)[0]
        name = f"{folder}.{file.removesuffix('.cpp')}"
        return [Test(name, f"{path}:1", cited(head.splitlines()))]
    found = []
    for match in TEST.finditer(text):
        before = text[:match.start()].splitlines()
        found.append(Test(f"{folder}.{match[1]}.{match[2]}", f"{path}:{len(before) + 1}",
                          cited(comment_above(before))))
    return found


def passed(results: str) -> set[str]:
    all_passed: dict[str, bool] = {}
    for case in ElementTree.parse(results).iter("testcase"):
        name = PARAMETRISED.sub(r"\1.\2", case.get("name", ""))
        # "run" are those that passed; the others are "fail", "notrun" (skipped, too), "disabled".
        all_passed[name] = all_passed.get(name, True) and case.get("status") == "run"
    return {name for name, ok in all_passed.items() if ok}


def section(title: str, lines: list[str]) -> None:
    if lines:
        print("\n  ".join([title + ":", *lines]))


def print_counts(statements: dict[str, list[str]], covered: set[str]) -> dict[str, str]:
    """Prints the numbers; returns what is neither tested nor explained, by file."""
    in_parity = set(ids_in(read("docs/parity.md")))
    missing = {}
    for name, ids in statements.items():
        tested = [i for i in ids if i in covered]
        explained = [i for i in ids if i in in_parity and i not in covered]
        print(f"{name}: {len(tested)} of {len(ids)} statements covered, {len(explained)} explained")
        if rest := [i for i in ids if i not in covered | in_parity]:
            missing[name] = as_ranges(rest)
    return missing


def main() -> int:
    results = sys.argv[1] if len(sys.argv) > 1 else os.path.join(ROOT, "build/release/tests.xml")
    shown = os.path.relpath(results)
    if not os.path.exists(results):
        print(f"ledger: there is no {shown}: run ./dev test first")
        return 1
    sources = sorted(glob.glob("tests/*/*_test.cpp", root_dir=ROOT) +
                     glob.glob("tests/must_not_compile/*.cpp", root_dir=ROOT))
    newest = max(sources, key=lambda path: os.path.getmtime(os.path.join(ROOT, path)))
    if os.path.getmtime(results) < os.path.getmtime(os.path.join(ROOT, newest)):
        print(f"ledger: {shown} is older than {newest}: ./dev test makes it anew")

    statements, complete = catalogue()
    known = {i for ids in statements.values() for i in ids}
    citing = [test for path in sources for test in tests_of(path) if test.ids]
    ok = passed(results)
    covered = {i for test in citing if test.name in ok for i in test.ids}
    missing = print_counts(statements, covered)
    section("neither tested nor explained", [f"{name}: {ids}" for name, ids in missing.items()])
    section("tests that cite statements but did not pass, or did not run",
            [f"{test.place}: {test.name}" for test in citing if test.name not in ok])
    section(f"tests that cite more than {MANY} statements",
            [f"{test.place}: {len(test.ids)}" for test in citing if len(test.ids) > MANY])

    unknown = [f"{test.place}: cites {i}, which is not in tests/statements.txt"
               for test in citing for i in test.ids if i not in known]
    gaps = [f"{name} is complete, but nothing tests or explains {ids}"
            for name, ids in missing.items() if name in complete]
    section("errors", unknown + gaps)
    return 1 if unknown or gaps else 0


if __name__ == "__main__":
    sys.exit(main())
