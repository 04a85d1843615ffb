#!/usr/bin/env python3
"""Whether docs/parity.md says of every public name of asyncio what has become of it here.

Usage: check_names.py [--update]

The tables of its section "Names" have the columns

    of | names | here

where "here" begins with `same`, `differs: how and why`, `absent: why` or `later: the part that
brings it`. A class stands in backticks, its members in the second column; the first row of a class
speaks of the class itself, too. What a class inherits from another one is not repeated.

tools/asyncio_names.txt has the names of CPython 3.13. --update makes it anew; where there is a
python3.13 ($ASYNCIO_PYTHON313, in the PATH, or pyenv's), it is compared with what that one has. The
names of later versions that are worth taking stand below, in NEWER.

What is the same must be declared in include/asyncio/, a member in its class or a base of that; what
comes later must not.
"""
import glob
import importlib
import inspect
import os
import re
import subprocess
import sys
from typing import NamedTuple

from python313 import find_python

ROOT = os.path.normpath(os.path.join(os.path.dirname(__file__), ".."))
LIST = "tools/asyncio_names.txt"
PARITY = "docs/parity.md"
STATES = ("same", "differs", "absent", "later")

# Public names of these, beside their __all__.
MODULES = {"asyncio": "", "asyncio.subprocess": "Process PIPE STDOUT DEVNULL", "contextvars": ""}
# Python has an abstract class and its implementations, this library has one class.
ONE_CLASS = {"AbstractEventLoop": "EventLoop", "BaseEventLoop": "EventLoop",
             "SelectorEventLoop": "EventLoop", "AbstractServer": "Server"}
# Of 3.14 and 3.15: the call graph, leaving a group early, create_task(eager_start=True).
NEWER = """FrameCallGraphEntry FutureCallGraph TaskGroup.cancel capture_call_graph eager_start
           format_call_graph future_add_to_awaited_by future_discard_from_awaited_by
           print_call_graph""".split()

WORD = r"[A-Za-z_]\w*"
IN_BACKTICKS = re.compile(rf"`({WORD})`")
CLASS = re.compile(  # not the "class" of a template's head
    rf"(?<!<)(?<!, )\b(?:class|struct)\s+(?:\[\[\w+\]\]\s*)?({WORD})\b([^;{{}}()=]*)\{{")
NO_TYPE = r"(?<!\breturn )(?<!\bco_return )(?<!\bco_await )(?<!\bthrow )(?<!\bnew )(?<!\belse )"


class Row(NamedTuple):
    place: str
    owner: str  # a class; empty if the names are asyncio's own
    names: list[str]
    state: str


def read(path: str) -> str:
    with open(os.path.join(ROOT, path), encoding="utf-8") as text:
        return text.read()


# --- what Python has ---


def is_class_of_asyncio(value: object) -> bool:
    return inspect.isclass(value) and value.__module__.split(".")[0].strip("_") in (
        "asyncio", "contextvars")


def members(cls: type, classes: dict[str, type]) -> set[str]:
    """Public ones, without those of the listed classes that it derives from."""
    bases = [base for base in classes.values() if base is not cls and issubclass(cls, base)]
    inherited = {name for base in [*bases, BaseException] for name in dir(base)}
    own = set(dir(cls))
    try:
        own |= set(re.findall(rf"\bself\.({WORD}) = ", inspect.getsource(cls)))
    except (OSError, TypeError):
        pass  # written in C
    return {name for name in own - inherited if not name.startswith("_")}


def names_of_this_python() -> str:
    """The text of the list."""
    found = {}
    for module_name, more in MODULES.items():
        module = importlib.import_module(module_name)
        found |= {name: getattr(module, name) for name in [*module.__all__, *more.split()]}
    classes = {name: cls for name, cls in found.items() if is_class_of_asyncio(cls)}
    of_class: dict[str, set[str]] = {name: set() for name in found}
    for name, cls in classes.items():
        of_class[ONE_CLASS.get(name, name)] |= members(cls, classes)
    head = ("# The public names of CPython 3.13's asyncio, and of contextvars: a class and its\n"
            "# members in a line. Made by tools/check_names.py --update.\n")
    return head + "".join(f"{name}: {' '.join(sorted(own))}\n" if own else f"{name}\n"
                          for name, own in sorted(of_class.items()))


def ask(python: str) -> str:
    return subprocess.run([python, "-B", os.path.abspath(__file__), "--print"], check=True,
                          capture_output=True, text=True).stdout


def stored_names() -> set[str]:
    names = set(NEWER)
    for line in read(LIST).splitlines():
        if line.startswith("#"):
            continue
        owner, _, own = line.partition(":")
        names |= {owner, *(f"{owner}.{name}" for name in own.split())}
    return names


# --- what docs/parity.md says ---


def rows() -> list[Row]:
    found = []
    inside = False
    for number, line in enumerate(read(PARITY).splitlines(), 1):
        if line.startswith("## "):
            inside = line == "## Names"
        cells = re.split(r"\s*\|\s*", line)[1:-1]
        if not inside or len(cells) != 3 or cells[0] in ("of", "---"):
            continue
        owner = IN_BACKTICKS.search(cells[0])
        state = re.match(r"\w+", cells[2])
        found.append(Row(f"{PARITY}:{number}", owner[1] if owner else "",
                         IN_BACKTICKS.findall(cells[1]), state[0] if state else ""))
    return found


def said(errors: list[str]) -> dict[str, str]:
    """The state of each name that has a row."""
    states: dict[str, str] = {}
    classes: dict[str, str] = {}
    for row in rows():
        if row.state not in STATES:
            errors.append(f"{row.place}: the third column begins with none of {', '.join(STATES)}")
        for name in row.names:
            full = f"{row.owner}.{name}" if row.owner else name
            if full in states:
                errors.append(f"{row.place}: {full} has a row already")
            states[full] = row.state
        if row.owner:
            classes.setdefault(row.owner, row.state)
    return classes | states


# --- what the headers declare ---


def without_comments(text: str) -> str:
    return re.sub(r'//[^\n]*|"(?:\\.|[^"\\\n])*"', "", text)


def body_after(text: str, begin: int) -> str:
    depth = 1
    for brace in re.compile(r"[{}]").finditer(text, begin):
        depth += 1 if brace[0] == "{" else -1
        if depth == 0:
            return text[begin:brace.start()]
    return text[begin:]


def declares(text: str, name: str) -> bool:
    return re.search(rf"\b(?:class|struct|enum|using|concept)\s+(?:\[\[\w+\]\]\s*)?{name}\b|"
                     rf"[\w>&*)\]]\s+[&*]*{NO_TYPE}\b{name}\s*[({{=;]", text) is not None


class Headers:
    def __init__(self) -> None:
        self.all = ""
        self.classes: dict[str, list[tuple[str, str, str]]] = {}  # file, bases, body
        for path in sorted(glob.glob("include/asyncio/**/*.hpp", root_dir=ROOT, recursive=True)):
            text = without_comments(read(path))
            self.all += text
            for match in CLASS.finditer(text):
                self.classes.setdefault(match[1], []).append(
                    (os.path.basename(path), match[2], body_after(text, match.end())))

    def has_member(self, cls: str, name: str, seen: frozenset[str] = frozenset()) -> bool:
        own_file = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", cls).lower() + ".hpp"
        found = self.classes.get(cls, [])
        for _, bases, body in [d for d in found if d[0] == own_file] or found:
            if declares(body, name):
                return True
            if any(self.has_member(base, name, seen | {cls})
                   for base in re.findall(WORD, bases) if base not in seen | {cls}):
                return True
        return False

    def has(self, full: str) -> bool:
        cls, _, name = full.rpartition(".")
        return self.has_member(cls, name) if cls else declares(self.all, name)


def main() -> int:
    if sys.argv[1:] == ["--print"]:
        print(names_of_this_python(), end="")
        return 0
    python = find_python()
    if sys.argv[1:] == ["--update"]:
        if python is None:
            print("check_names: there is no python3.13; say by ASYNCIO_PYTHON313 where it is")
            return 1
        with open(os.path.join(ROOT, LIST), "w", encoding="utf-8") as out:
            out.write(ask(python))
    errors: list[str] = []
    if python is not None and ask(python) != read(LIST):
        errors.append(f"{LIST} is not what {python} has: run tools/check_names.py --update")
    names = stored_names()
    states = said(errors)
    errors += [f"{PARITY}: {name} has no row" for name in sorted(names - set(states))]
    errors += [f"{PARITY}: {name} is no name of asyncio's" for name in sorted(set(states) - names)]
    headers = Headers()
    for name, state in sorted(states.items()):
        if state == "same" and not headers.has(name):
            errors.append(f"{PARITY}: {name} is the same, it says, but include/asyncio/ does not "
                          "declare it")
        if state == "later" and headers.has(name):
            errors.append(f"{PARITY}: {name} comes later, it says, but include/asyncio/ declares "
                          "it")
    if errors:
        print("\n".join(errors))
        return 1
    counts = [f"{list(states.values()).count(state)} {state}" for state in STATES]
    used = "as python3.13 has them" if python else f"of {LIST}, since there is no python3.13"
    print(f"names: {', '.join(counts)}; {len(names)} names {used}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
