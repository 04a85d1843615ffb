"""Digests of the traces of many programs, on all cores, and those that differ."""

import multiprocessing
import os
import sys
import time

from sides import digest

_CHUNK = 200  # programs that a worker runs at a time
_CHUNKS_OF_A_WORKER = 50  # then it is replaced, so that nothing can add up
_SECONDS = 10  # from one line of progress to the next


def digests(sides, selection):
    """For each program, in their order, the digests of its traces on each side; None where that has
    none to give."""
    jobs = ((sides, selection, first, min(first + _CHUNK, selection.count))
            for first in range(0, selection.count, _CHUNK))
    with multiprocessing.Pool(_cores(), maxtasksperchild=_CHUNKS_OF_A_WORKER) as pool:
        for chunk in pool.imap(_chunk, jobs):
            yield from chunk


def _chunk(job):
    sides, selection, first, last = job
    programs = [selection.program(number) for number in range(first, last)]
    traces = [side(programs) for side in sides]
    return [[trace and digest(trace) for trace in of_one] for of_one in zip(*traces)]


def _cores():
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def differing(pairs, count):
    """The numbers of the programs whose digests differ. Says how far it has come."""
    found = []
    begin = told = time.monotonic()
    for number, (ours, theirs) in enumerate(pairs):
        if ours != theirs:
            found.append(number)
        if time.monotonic() - told > _SECONDS:
            told = time.monotonic()
            _tell(number + 1, count, (number + 1) / (told - begin), len(found))
    return found


def _tell(done, count, rate, differ):
    line = f"  {done:,} of {count:,} programs, {rate:,.0f} a second, {differ} differ"
    print(line, end="\r" if sys.stdout.isatty() else "\n", flush=True)


def side_by_side(theirs, ours, names=("CPython", "the library")):
    """Two traces around their first difference."""
    left, right = theirs.splitlines(), ours.splitlines()
    longest = max(len(left), len(right))
    left += [""] * (longest - len(left))
    right += [""] * (longest - len(right))
    first = next((i for i in range(longest) if left[i] != right[i]), longest)
    shown = range(max(0, first - 8), min(longest, first + 8))
    width = max([len(left[i]) for i in shown] + [len(names[0])])
    yield f"  {names[0]:{width}} | {names[1]}"
    for i in shown:
        yield f"{'>' if i == first else ' '} {left[i]:{width}} | {right[i]}"
