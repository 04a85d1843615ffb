"""Do the programs find known bugs? Each patch in mutants/ puts one into a copy of the sources.

The copy always stands in the same place, and only what a patch changes is built again.
"""

import filecmp
import functools
import glob
import os
import shutil
import subprocess

from compare import differing, digests
from sides import Selection, cpython_traces, library_traces

_PROGRAMS = 2_000
_SEEDS = [1_000_000, 2_000_000]
_LEAST = 3  # programs that must find a mutant, of each seed

_HERE = os.path.dirname(os.path.abspath(__file__))
_ROOT = os.path.normpath(os.path.join(_HERE, "..", ".."))
_FOLDER = os.path.join(_ROOT, "build", "parity")
_SOURCE = os.path.join(_FOLDER, "source")
_BUILD = os.path.join(_FOLDER, "mutant")
_RUNNER = os.path.join(_BUILD, "parity", "parity_runner")
_COPIED = ["CMakeLists.txt", "cmake", "include", "src", "tests/parity/CMakeLists.txt",
           "tests/parity/runner"]

# The library as a part of another project, whose other targets nobody needs here.
_PROJECT = """\
cmake_minimum_required(VERSION 3.25)
project(mutants LANGUAGES CXX)
add_subdirectory(source)
add_subdirectory(source/tests/parity parity)
"""


class Failed(Exception):
    """A patch that does not apply or does not build."""


def run():
    """True if every mutant is found, and nothing in the sources as they are."""
    print(f"mutants: {_PROGRAMS:,} programs `storm` of each of {len(_SEEDS)} seeds", flush=True)
    selections = [Selection("storm", seed, _PROGRAMS) for seed in _SEEDS]
    expected = [[theirs for (theirs,) in digests((cpython_traces,), s)] for s in selections]
    rows = [_row(None, selections, expected)]
    for patch in sorted(glob.glob(os.path.join(_HERE, "mutants", "*.patch"))):
        rows.append(_row(patch, selections, expected))
    missed = [name for name, ok in rows if not ok]
    print(f"mutants: {len(rows) - 1}, missed or broken: {', '.join(missed) or 'none'}")
    return not missed


def _row(patch, selections, expected):
    name = os.path.basename(patch)[:-len(".patch")] if patch else "none: the sources as they are"
    try:
        _prepare(patch)
    except Failed as failed:
        print(f"{name:40} {failed}", flush=True)
        return name, False
    killed = [_killed(s, e) for s, e in zip(selections, expected)]
    ok = all(n >= _LEAST for n in killed) if patch else not any(killed)
    counts = " ".join(f"{n:5}" for n in killed)
    print(f"{name:40} {counts}  {'ok' if ok else 'MISSED' if patch else 'DIFFERS'}", flush=True)
    return name, ok


def _killed(selection, expected):
    ours = digests((functools.partial(library_traces, _RUNNER),), selection)
    return len(differing(((o, e) for (o,), e in zip(ours, expected)), selection.count))


# --- the copy -----------------------------------------------------------------------------------


def _prepare(patch):
    _refresh()
    if patch:
        # Not the repository's git: it would look for the files at its own top.
        alone = {**os.environ, "GIT_CEILING_DIRECTORIES": _FOLDER}
        _do(["git", "apply", patch], "does not apply", cwd=_SOURCE, env=alone)
    if not os.path.exists(os.path.join(_BUILD, "build.ninja")):
        _do(["cmake", "-S", _FOLDER, "-B", _BUILD, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=None",
             "-DCMAKE_CXX_FLAGS=-O0", f"-DCMAKE_CXX_COMPILER={os.environ.get('CXX', 'clang++-19')}",
             "-DASYNCIO_INSTALL=OFF", *_launcher()], "cannot be configured")
    _do(["cmake", "--build", _BUILD, "--target", "parity_runner"], "does not build")


def _launcher():
    return ["-DCMAKE_CXX_COMPILER_LAUNCHER=ccache"] if shutil.which("ccache") else []


def _do(command, what, **options):
    done = subprocess.run(command, capture_output=True, text=True, **options)
    if done.returncode != 0:
        raise Failed(f"{what}:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")


def _refresh():
    """Makes the copy what the sources are. What is the same already keeps its time, and what has
    changed gets a new one, so that the build sees it."""
    os.makedirs(_FOLDER, exist_ok=True)
    with open(os.path.join(_FOLDER, "CMakeLists.txt"), "w", encoding="ascii") as file:
        file.write(_PROJECT)
    wanted = {name for part in _COPIED for name in _files(_ROOT, part)}
    for name in _files(_SOURCE, "."):
        if os.path.normpath(name) not in wanted:
            os.remove(os.path.join(_SOURCE, name))
    for name in wanted:
        source, copy = os.path.join(_ROOT, name), os.path.join(_SOURCE, name)
        if not os.path.exists(copy) or not filecmp.cmp(source, copy, shallow=False):
            os.makedirs(os.path.dirname(copy), exist_ok=True)
            shutil.copyfile(source, copy)


def _files(root, part):
    """Those below a folder, or the file itself, by their paths from the root."""
    path = os.path.join(root, part)
    if os.path.isfile(path):
        return [part]
    return [os.path.relpath(os.path.join(folder, file), root)
            for folder, _, files in os.walk(path) for file in files]
