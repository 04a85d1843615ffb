#!/usr/bin/env python3
"""Runs a program on the virtual clock and compares what it prints with a golden file.

Usage: compare_golden.py [--write] GOLDEN PROGRAM

Standard output and standard error are taken together, in order. In both texts folders of source
files go, addresses become <addr>, dates and clock times <time>, type names <type> and source lines
<line>; a golden file may hold these words itself. Lines of the golden file that begin with "#|" are
notes; the note "#| real time" makes the program run in real time, and then every number of seconds
is a <time>, too; "#| exit code 143" says how it ends if that is not by 0. Ports of the loopback
device become <port>.
"""
import difflib
import os
import re
import subprocess
import sys

REPLACEMENTS = [
    (re.compile(r"0x[0-9a-fA-F]+"), "<addr>"),
    (re.compile(r"(?<=thread id: )\d+"), "<addr>"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?"), "<time>"),
    (re.compile(r'(?<=File ")[^"]*/'), ""),
    (re.compile(r"(?<=File ')[^']*/"), ""),
    # g++ gives a coroutine the line of its end, clang that of its beginning.
    (re.compile(r"(?<=\.cpp:)\d+"), "<line>"),
    (re.compile(r"(?<=127\.0\.0\.1:)\d+"), "<port>"),
    # The one blocking call of a program that else runs on the virtual clock.
    (re.compile(r"(?<=INFO \| sequential_tasks used: )[\d.]+"), "<time>"),
    (re.compile(r"<class '[^']*'>"), "<type>"),
    (re.compile(r"(?<=the type is )[\w:]+(<[\w:<>]*>)?"), "<type>"),
    (re.compile(r"^asyncio::\w+<[\w:<>, ]*>$", re.MULTILINE), "<type>"),
]
REAL_TIME = [
    (re.compile(r"\d+\.\d+(?= seconds)"), "<time>"),
    (re.compile(r"(?<=用时\(秒\): )\d+\.\d+"), "<time>"),
    # A bar in a file: how fast, and how long.
    (re.compile(r"\d[\d.,]*k?/s, \d+:\d\d"), "<rate>"),
    # What a worker had when it was killed.
    (re.compile(r"\b[1-9]\d*(?= tasks in its hands| of them were redelivered)"), "<n>"),
]


def normalise(text: str, real_time: bool) -> str:
    lines = [line.rstrip() for line in text.splitlines() if not line.startswith("#|")]
    text = "\n".join(lines)
    for pattern, word in REPLACEMENTS + (REAL_TIME if real_time else []):
        text = pattern.sub(word, text)
    return text.strip() + "\n"


def main() -> int:
    arguments = sys.argv[1:]
    write = "--write" in arguments
    golden, *program = [a for a in arguments if a != "--write"]
    expected = ""
    if os.path.exists(golden):
        with open(golden, encoding="utf-8") as expected_file:
            expected = expected_file.read()
    real_time = "#| real time" in expected
    noted_code = re.search(r"^#\| exit code (\d+)$", expected, re.MULTILINE)
    expected_code = int(noted_code[1]) if noted_code else 0
    environment = dict(os.environ, ASYNCIO_BACKEND="epoll" if real_time else "virtual")
    run = subprocess.run(program, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment,
                         timeout=100, text=True, check=False)
    printed = normalise(run.stdout, real_time)
    if write:
        notes = "".join(line + "\n" for line in expected.splitlines() if line.startswith("#|"))
        with open(golden, "w", encoding="utf-8") as out:
            out.write(notes + printed)
        return 0
    expected = normalise(expected, real_time)
    if run.returncode != expected_code:
        print(f"exit code {run.returncode}")
    if printed != expected:
        sys.stdout.writelines(difflib.unified_diff(expected.splitlines(True),
                                                   printed.splitlines(True), golden, "printed"))
    return 0 if printed == expected and run.returncode == expected_code else 1


if __name__ == "__main__":
    sys.exit(main())
