"""Traces of CPython for machines that have none: golden/digests.txt holds a digest for each program
of the standard run, golden/traces.txt the whole traces of the first ones."""

import functools
import os
import platform

from compare import digests
from sides import Selection, cpython_traces, digest

STANDARD = Selection("both", 20240513, 20_000)
_TRACES = 500
_IN_A_LINE = 5

_FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden")
_DIGESTS = os.path.join(_FOLDER, "digests.txt")
_FULL = os.path.join(_FOLDER, "traces.txt")


def _first_programs():
    return [STANDARD.program(number) for number in range(_TRACES)]


def _fingerprint():
    """Other generators make other programs, to which the stored traces do not belong."""
    return digest("".join(str(program) for program in _first_programs()))


def record():
    os.makedirs(_FOLDER, exist_ok=True)
    stored = [theirs for (theirs,) in digests((cpython_traces,), STANDARD)]
    with open(_DIGESTS, "w", encoding="ascii") as file:
        print(f"CPython {platform.python_version()} programs {_fingerprint()}", file=file)
        for i in range(0, len(stored), _IN_A_LINE):
            print(*stored[i:i + _IN_A_LINE], file=file)
    with open(_FULL, "w", encoding="ascii") as file:
        file.writelines(trace + ".\n" for trace in cpython_traces(_first_programs()))


@functools.lru_cache(maxsize=None)
def _read():
    with open(_DIGESTS, encoding="ascii") as file:
        head, *lines = file.read().splitlines()
    _, version, _, fingerprint = head.split()
    return version, fingerprint, " ".join(lines).split()


def version():
    return _read()[0]


def belongs_to_these_programs():
    return _read()[1] == _fingerprint()


def stored_digests():
    return _read()[2]


def stored_trace(number):
    """None if only its digest is stored."""
    with open(_FULL, encoding="ascii") as file:
        traces = file.read().split("\n.\n")[:-1]
    return traces[number] + "\n" if number < len(traces) else None
