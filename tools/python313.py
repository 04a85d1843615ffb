"""Where CPython 3.13 is."""
import glob
import os
import shutil
import subprocess
import sys


def find_python() -> str | None:
    """$ASYNCIO_PYTHON313, which must be one; else this one, that in the PATH, or pyenv's."""
    named = os.environ.get("ASYNCIO_PYTHON313")
    if named:
        if not _is_313(named):
            sys.exit(f"ASYNCIO_PYTHON313: {named} is no python 3.13")
        return named
    pyenv = os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv")
    places = [sys.executable, shutil.which("python3.13"),
              *sorted(glob.glob(f"{glob.escape(pyenv)}/versions/3.13.*/bin/python3"))]
    return next((place for place in places if place and _is_313(place)), None)


def _is_313(python: str) -> bool:
    # pyenv puts a python3.13 into PATH that fails unless that version was chosen.
    try:
        asked = subprocess.run([python, "-c", "import sys; print(*sys.version_info[:2])"],
                               capture_output=True, text=True, check=False)
    except OSError:
        return False
    return asked.stdout == "3 13\n"
