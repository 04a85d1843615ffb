#!/usr/bin/env python3
"""Runs a program on the virtual clock and compares what it prints with a golden file.

Usage: compare_golden.py [--write] GOLDEN PROGRAM

Standard output and standard error are taken together, in order. In both texts addresses become
<addr>, dates, clock times and "used: N seconds" of real work <time>, and C++ type names <type>; a
golden file may hold these words itself. Lines of the golden file that begin with "#|" are notes.
"""
import difflib
import os
import re
import subprocess
import sys

REPLACEMENTS = [
    (re.compile(r"0x[0-9a-fA-F]+"), "<addr>"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?"), "<time>"),
    (re.compile(r"\b\d\d:\d\d:\d\d\.\d+"), "<time>"),
    (re.compile(r"thread id: \d+"), "thread id: <addr>"),
    (re.compile(r"real time: [0-9.]+"), "real time: <time>"),
    (re.compile(r"(<class '|type is )(asyncio::)?[A-Za-z_:]+(<[^>]*>)?('>)?"), r"<type>"),
    (re.compile(r"\w+\.cpp:\d+"), "<place>"),
]


def normalise(text: str) -> str:
    lines = [line.rstrip() for line in text.splitlines() if not line.startswith("#|")]
    text = "\n".join(lines)
    for pattern, word in REPLACEMENTS:
        text = pattern.sub(word, text)
    return text.strip() + "\n"


def main() -> int:
    arguments = sys.argv[1:]
    write = "--write" in arguments
    golden, *program = [a for a in arguments if a != "--write"]
    environment = dict(os.environ, ASYNCIO_BACKEND="virtual")
    run = subprocess.run(program, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment,
                         timeout=100, text=True, check=False)
    printed = normalise(run.stdout)
    if write:
        with open(golden, "w", encoding="utf-8") as out:
            out.write(printed)
        return 0
    with open(golden, encoding="utf-8") as expected_file:
        expected = normalise(expected_file.read())
    if run.returncode != 0:
        print(f"exit code {run.returncode}")
    if printed != expected:
        sys.stdout.writelines(difflib.unified_diff(expected.splitlines(True),
                                                   printed.splitlines(True), golden, "printed"))
    return 0 if printed == expected and run.returncode == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
