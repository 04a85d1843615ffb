"""Programs, by their number, and the two sides that run them: the library and CPython."""

import hashlib
import subprocess
from typing import NamedTuple

from generator import random_program
from storm_tasks import storm_program

_MAKE = {"random": [random_program], "storm": [storm_program],
         "both": [random_program, storm_program]}
PROFILES = list(_MAKE)


class Selection(NamedTuple):
    """Programs number 0 to `count`; the same number is always the same program."""

    profile: str
    seed: int
    count: int

    def program(self, number):
        makers = _MAKE[self.profile]
        return makers[number % len(makers)](self.seed + number)


def digest(text):
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


# --- the library --------------------------------------------------------------------------------


def library_traces(runner, programs):
    """Of a program at which the runner dies: how it died."""
    traces = []
    while len(traces) < len(programs):
        texts = [f"{program}.\n" for program in programs[len(traces):]]
        ended = subprocess.run([runner], input="".join(texts).encode(), capture_output=True)
        traces += [trace + "\n" for trace in ended.stdout.decode().split("\n.\n")[:-1]]
        if len(traces) < len(programs):
            traces.append(_death(ended))
        elif ended.returncode != 0:  # at its exit, as a sanitizer does that has found a leak
            raise RuntimeError(_death(ended))
    return traces


def _death(ended):
    code = ended.returncode
    how = {3: "the program did not come to its end", 2: "it could not read the program"}.get(
        code, f"signal {-code}" if code < 0 else f"exit status {code}")
    return f"the runner died: {how}\n{ended.stderr.decode(errors='replace')}"


# --- CPython ------------------------------------------------------------------------------------


def cpython_traces(programs):
    import virtual_loop

    virtual_loop.patch()
    return _traces(programs)


def ordered_traces(programs):
    """As cpython_traces(); None where the order of a set mattered."""
    import virtual_loop

    virtual_loop.patch()
    traces = []
    for program in programs:
        virtual_loop.OrderedSet.mattered = False
        traces += _traces([program])
        if virtual_loop.OrderedSet.mattered:
            traces[-1] = None
    return traces


def unordered_traces(programs):
    """Of a CPython that is as it was, but for its loop."""
    import virtual_loop

    virtual_loop.unpatch()
    return _traces(programs)


def _traces(programs):
    import oracle  # which other versions of Python do not understand

    oracle.prepare()
    for program in programs:
        str(program)  # numbers its lines
    return [oracle.trace_of(program) for program in programs]
