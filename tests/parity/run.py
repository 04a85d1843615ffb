#!/usr/bin/env python3
"""Compares the library with CPython 3.13 on random programs.

Usage: run.py RUNNER [--programs N] [--seed S] [--profile random|storm|both]
       run.py --record | --control | --mutants

RUNNER is the interpreter of the programs that is built as target parity_runner. Each program runs
on both sides; where the traces differ it is made smaller and shown with both. program.py describes
the programs, generator.py and storm.py how they are made and what they leave out. Without python
3.13 the runner is compared with stored traces, of the standard run only.

--record   writes CPython's traces of the standard run to golden/, which stand in for it elsewhere
--control  compares CPython whose sets keep their order, which is what the library is compared with,
           with CPython as it is, wherever the order does not matter
--mutants  puts known bugs into a copy of the library and sees that the programs find them
"""

import argparse
import functools
import os
import sys

import golden
import mutants
from compare import differing, digests, side_by_side
from shrink import shrink
from sides import (PROFILES, Selection, cpython_traces, library_traces, ordered_traces,
                   unordered_traces)

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools"))
from python313 import find_python

_MOST_SHOWN = 3


def main():
    options = _options()
    python = find_python()
    if python is not None and sys.version_info[:2] != (3, 13):
        os.execv(python, [python, "-B", *sys.argv])
    if options.runner is not None:
        selection = Selection(options.profile, options.seed, options.programs)
        return 0 if _compare(options.runner, selection, python is not None) else 1
    if python is None:
        sys.exit("parity: this needs python 3.13, in PATH or named in $ASYNCIO_PYTHON313")
    if options.record:
        golden.record()
        return 0
    return 0 if (_control(options) if options.control else mutants.run()) else 1


def _options():
    parser = argparse.ArgumentParser(usage=__doc__.split("Usage: ")[1])
    parser.add_argument("runner", nargs="?")
    for name in ("record", "control", "mutants"):
        parser.add_argument(f"--{name}", action="store_true")
    parser.add_argument("--programs", type=int, default=golden.STANDARD.count)
    parser.add_argument("--seed", type=int, default=golden.STANDARD.seed)
    parser.add_argument("--profile", choices=PROFILES, default=golden.STANDARD.profile)
    options = parser.parse_args()
    chosen = [options.runner is not None, options.record, options.control, options.mutants]
    if sum(chosen) != 1:
        parser.error("either a runner or one of --record, --control and --mutants")
    return options


# --- the library and CPython --------------------------------------------------------------------


def _compare(runner, selection, have_cpython):
    library = functools.partial(library_traces, os.path.abspath(runner))
    if not have_cpython:
        return _compare_with_stored(library, selection)
    stale = []
    pairs = _checking_stored(digests((library, cpython_traces), selection), selection, stale)
    found = differing(pairs, selection.count)
    for number in found[:_MOST_SHOWN]:
        _show_shrunk(library, selection.program(number))
    if stale:
        print(f"parity: {len(stale)} stored digests are not those of this CPython (recorded with "
              f"{golden.version()}), the first is number {stale[0]}; run.py --record writes them")
    return _conclude(selection.count, found) and not stale


def _checking_stored(pairs, selection, stale):
    """The same pairs; notes in `stale` where CPython's is not the one that is stored."""
    standard = selection._replace(count=golden.STANDARD.count) == golden.STANDARD
    stored = golden.stored_digests() if standard else []
    for number, pair in enumerate(pairs):
        if number < len(stored) and pair[1] != stored[number]:
            stale.append(number)
        yield pair


def _compare_with_stored(library, selection):
    if selection._replace(count=golden.STANDARD.count) != golden.STANDARD:
        sys.exit("parity: there is no python 3.13, and of these programs no traces are stored")
    if not golden.belongs_to_these_programs():
        sys.exit("parity: there is no python 3.13, and the stored traces are of other programs "
                 "than are made now: run.py --record writes them anew")
    stored = golden.stored_digests()[:selection.count]
    selection = selection._replace(count=len(stored))
    print(f"parity: there is no python 3.13; comparing with stored traces of {golden.version()}")
    pairs = ((ours, theirs) for (ours,), theirs in zip(digests((library,), selection), stored))
    found = differing(pairs, selection.count)
    for number in found[:_MOST_SHOWN]:
        program = selection.program(number)
        _show(program, golden.stored_trace(number), library([program])[0])
    return _conclude(selection.count, found)


def _conclude(count, found):
    print(f"parity: {count:,} programs, {len(found)} differ")
    return not found


def _show_shrunk(library, program):
    def both(candidate):
        return cpython_traces([candidate])[0], library([candidate])[0]

    def differs(candidate):
        theirs, ours = both(candidate)
        return theirs != ours

    if not differs(program):
        print(f"{program.title}: differs only when others have run before it")
        return
    smallest = shrink(program, differs)
    _show(smallest, *both(smallest))


def _show(program, theirs, ours):
    """Without CPython's trace, of which only the digest may be stored, the library's alone."""
    print()
    for number, line in enumerate(str(program).splitlines(), 1):
        print(f"{number:3}  {line}")
    lines = ours.splitlines() if theirs is None else side_by_side(theirs, ours)
    print("", *lines, "", sep="\n", flush=True)


# --- CPython and itself -------------------------------------------------------------------------


def _control(options):
    selection = Selection(options.profile, options.seed, options.programs)
    compared = 0

    def where_order_did_not_matter():
        nonlocal compared
        for ordered, unordered in digests((ordered_traces, unordered_traces), selection):
            compared += ordered is not None
            yield ordered, ordered and unordered

    found = differing(where_order_did_not_matter(), selection.count)
    print(f"control: {compared:,} of {selection.count:,} programs compared, {len(found)} differ")
    return not found


if __name__ == "__main__":
    sys.exit(main())
