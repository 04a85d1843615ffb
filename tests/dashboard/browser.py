#!/usr/bin/env python3
"""Runs a test of browser.mjs, or says why it cannot be run.

Usage: browser.py MODULES PROGRAM TEST [FOLDER]

MODULES is a folder with tests/dashboard/package.json and what npm has installed for it, which
`./dev` sees to.
"""
import os
import shutil
import subprocess
import sys


def main() -> int:
    modules, program, test = sys.argv[1:4]
    why = None
    if not shutil.which("node"):
        why = "there is no node"
    elif not (os.environ.get("CHROMIUM") or shutil.which("chromium")):
        why = "there is no chromium"
    elif not os.path.isdir(os.path.join(modules, "node_modules", "playwright-core")):
        why = "playwright-core is not installed; ./dev does that, by npm"
    if why:
        print(f"SKIPPED {test}: {why}")
        return 0
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "browser.mjs")
    return subprocess.run(["node", script, *sys.argv[1:]], stdin=subprocess.DEVNULL,
                          timeout=100, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
