"""The other libraries: each folder bench/compare/NAME has a script `build`, which makes a program."""
import glob
import os
import subprocess
from collections.abc import Collection
from typing import NamedTuple

import machine
from measure import Failed, environment

FOLDER = os.path.join(machine.ROOT, "bench", "compare")
NOT_INSTALLED = 77


class Peer(NamedTuple):
    path: str
    version: str


def build_one(name: str, what: str, directory: str) -> tuple[Peer | None, str]:
    """The program, or why there is none."""
    script = os.path.join(FOLDER, name, "build")
    os.makedirs(directory, exist_ok=True)
    done = subprocess.run([script, directory, what], capture_output=True, text=True, check=False,
                          cwd=machine.ROOT, env=environment())
    if done.returncode == NOT_INSTALLED:
        return None, " ".join(done.stderr.split()) or "not installed"
    if done.returncode != 0:
        raise Failed(f"{script}: exit code {done.returncode}\n{done.stderr.rstrip()}")
    with open(os.path.join(directory, "version"), encoding="utf-8") as text:
        version = text.readline().strip()
    return Peer(os.path.join(directory, what), version), version


def names(what: str) -> list[str]:
    """Those that have such a program."""
    sources = glob.glob(os.path.join(FOLDER, "*", "**", f"{what}.*"), recursive=True)
    return sorted({os.path.relpath(source, FOLDER).split(os.sep)[0] for source in sources})


def build(what: str, build_dir: str,
          chosen: Collection[str] | None = None) -> tuple[dict[str, Peer], dict[str, str]]:
    """Says what it finds; the second are those missing, and why."""
    found, missing = {}, {}
    for name in names(what):
        if chosen is not None and name not in chosen:
            continue
        print(f"{name}: ", end="", flush=True)
        directory = os.path.join(os.path.abspath(build_dir), "bench", "compare", name)
        peer, said = build_one(name, what, directory)
        print(said, flush=True)
        if peer:
            found[name] = peer
        else:
            missing[name] = said
    return found, missing
