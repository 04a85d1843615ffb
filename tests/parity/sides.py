"""Programs, by their number, and the two sides that run them: the library and CPython."""

import glob
import hashlib
import os
import shutil
import subprocess
import sys
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


def find_python():
    """A python 3.13; None if there is none."""
    named = os.environ.get("ASYNCIO_PYTHON313")
    if named:
        if not _is_313(named):
            sys.exit(f"ASYNCIO_PYTHON313: {named} is no python 3.13")
        return named
    pyenv = os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv")
    places = [sys.executable, shutil.which("python3.13"),
              *sorted(glob.glob(f"{glob.escape(pyenv)}/versions/3.13.*/bin/python3"))]
    return next((place for place in places if place and _is_313(place)), None)


def _is_313(python):
    # pyenv puts a python3.13 into PATH that fails unless that version was chosen.
    asked = subprocess.run([python, "-c", "import sys; print(*sys.version_info[:2])"],
                           capture_output=True, text=True)
    return asked.stdout == "3 13\n"


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
