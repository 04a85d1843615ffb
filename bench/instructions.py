"""Instructions of an operation, for rows whose times say too little: by perf, or by callgrind."""
import functools
import math
import re
import shutil
from typing import NamedTuple

from measure import Failed, parse, run

PERF = ["perf", "stat", "-x,", "-e", "instructions:u"]
CALLGRIND = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
FEW = 10_000
# Nanoseconds. rows.hpp repeats a run until 150 ms are over, three times at least: when one takes
# longer than this it is three times, in both programs, whatever the speed.
LONG = 60e6


class Count(NamedTuple):
    instructions: int
    nanoseconds: float  # of a run


def by_perf(text: str) -> int | None:
    found = re.search(r"^(\d+),[^,]*,instructions", text, re.MULTILINE)
    return int(found[1]) if found else None


def by_callgrind(text: str) -> int | None:
    found = re.search(r"Collected : (\d+)", text)
    return int(found[1]) if found else None


@functools.cache
def perf_works() -> bool:
    if not shutil.which("perf"):
        return False
    try:
        return by_perf(run([*PERF, "true"]).stderr) is not None
    except Failed:
        return False


def count(program: str, row: str, operations: int) -> Count | None:
    tool, read = (PERF, by_perf) if perf_works() else (CALLGRIND, by_callgrind)
    if not shutil.which(tool[0]):
        return None
    try:
        done = run([*tool, program, row, str(operations)])
    except Failed:
        return None
    sample, instructions = parse(done.stdout, row), read(done.stderr)
    if sample is None or instructions is None:
        return None
    return Count(instructions, sample.wall * operations)


def per_operation(program: str, row: str) -> float | None:
    """Times the repetitions of rows.hpp, which are the same in two programs that use it.

    What starts and ends a program goes out, by the difference of two counts.
    """
    operations, first = FEW, count(program, row, FEW)
    for _ in range(3):
        if first is None or first.nanoseconds >= LONG:
            break
        operations *= max(2, math.ceil(1.2 * LONG / max(first.nanoseconds, 1.0)))
        first = count(program, row, operations)
    second = count(program, row, 2 * operations)
    if first is None or second is None or first.nanoseconds < LONG:
        return None
    difference = second.instructions - first.instructions
    # A row that has work of its own, whatever the operations, has no difference.
    return difference / operations if difference > first.instructions / 2 else None


def ratio(ours: tuple[str, str], limit: tuple[str, str]) -> float | None:
    """Of two pairs of program and row."""
    a, b = per_operation(*ours), per_operation(*limit)
    return a / b if a and b else None
