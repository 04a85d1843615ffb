#!/usr/bin/env python3
"""tools/gdb/asyncio_gdb.py in gdb, on a program with debug information.

Usage: gdb.py SOURCE PROGRAM [NAME...]    SOURCE is the project's folder, PROGRAM is `debugged`;
                                          without names all tests run

Every gdb ends by itself or is killed, and so is what it debugs. A test whose tool is missing, or
that may not trace other processes here, says SKIPPED and why.
"""
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "net"))
import clients as net  # noqa: E402
from clients import Skipped, check, equal, need  # noqa: E402

LIMIT = 60  # seconds for one gdb
MARK = "@@@@"
SOURCE = ""
PROGRAM = ""
SCRIPT = ""


def matches(pattern: str, text: str) -> re.Match:
    found = re.search(pattern, text, re.MULTILINE)
    check(found, f"no {pattern!r} in {text[:3000]!r}")
    return found


class Folder:
    """A temporary one."""

    def __enter__(self) -> str:
        self.path = tempfile.mkdtemp(prefix="asyncio-gdb-")
        return self.path

    def __exit__(self, *_) -> None:
        shutil.rmtree(self.path)


# --- gdb ------------------------------------------------------------------------------------------

def gdb(arguments: list, commands: list, settings: tuple = ("set auto-load safe-path /",)) -> list:
    """What each command has printed. gdb is alone in its group, with what it runs."""
    need("gdb")
    line = ["gdb", "-nx", "-batch", "-iex", "set debuginfod enabled off", "-iex", "set confirm off"]
    for setting in settings:
        line += ["-iex", setting]
    for command in ["set pagination off", "set print elements 200", "set width 0", *commands]:
        line += ["-ex", command, "-ex", f"echo \\n{MARK}\\n"]
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen([*line, *arguments], stdin=subprocess.DEVNULL, stdout=output,
                                   stderr=subprocess.STDOUT, start_new_session=True,
                                   env=dict(os.environ, LC_ALL="C.UTF-8"))
        try:
            process.wait(LIMIT)
        finally:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()
        output.seek(0)
        text = output.read().decode(errors="replace")
    if re.search("ptrace: (Operation not permitted|Inappropriate)|Could not attach|"
                 "Could not trace the inferior", text):
        raise Skipped("this process may not trace others: " + text[-200:].replace("\n", " "))
    parts = [part.strip("\n") for part in text.split(f"\n{MARK}\n")]
    check(len(parts) == len(commands) + 4, text)
    check("Traceback" not in text and "Python Exception" not in text, text)
    return parts[3:-1]


def stopped(scenario: str, commands: list, program: str = "", script: bool = False,
            frames_up: int = 1) -> list:
    """The commands at stop_here(), in the frame of the coroutine that called it."""
    begin = ["break stop_here", f"run {scenario}"] + ["up"] * frames_up
    if script:
        begin.append(f"source {SCRIPT}")
    return gdb([program or PROGRAM], begin + commands)[len(begin):]


class Running:
    """The program, once it has said that it is ready."""

    def __init__(self, program: str, scenario: str):
        self.command = [program, scenario]

    def __enter__(self) -> subprocess.Popen:
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE)
        equal(self.process.stdout.readline(), b"ready\n")
        return self.process

    def __exit__(self, *_) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


CHAIN = r"\S+ [^\s:]+:\d+(?: -> \S+ [^\s:]+:\d+)*"
ROW = re.compile(rf"(\d+) +(0x[0-9a-f]+) +(.*?) +({CHAIN}) +({CHAIN}|) +(.*?) *(0x[0-9a-f]+) *")


def rows(table: str) -> list:
    """Of `asyncio ps`, without the heading: the seven cells."""
    if table == "":
        return []
    lines = table.split("\n")
    check(lines[0].startswith("tid ") and lines[1] == "-" * 180, table)
    found = [ROW.fullmatch(line) for line in lines[2:]]
    check(all(found), table)
    return [row.groups() for row in found]


# --- the commands ---------------------------------------------------------------------------------

def attached() -> None:
    """A live program, and a frame chain innermost first; it goes on afterwards."""
    with Running(PROGRAM, "waiting") as process:
        table, stack, _ = gdb(["-p", str(process.pid), PROGRAM],
                              ["asyncio ps", "asyncio bt outer", "detach"])
        check_table(table, str(process.pid))
        check_stack(stack)
        check(process.poll() is None, "the program has ended")


def check_table(table: str, tid: str) -> None:
    """DBG-040."""
    found = {row[2]: row for row in rows(table)}
    equal(found["outer"][0], tid)
    matches("^0x[0-9a-f]+$", found["outer"][1])
    at = r"debugged\.cpp:\d+"
    matches(rf"\Ainnermost {at} -> middle {at} -> outer {at}\Z", found["outer"][3])
    matches(rf"\Ajoin {at}\Z", found["outer"][4])
    equal(found["outer"][5:], ("joining", found["joining"][1]))
    equal(found["joining"][4:], ("", "", "0x0"))
    matches(rf"\Asleep_long {at} -> take {at}\Z", found["owner"][3])
    awaiters = [(row[2], row[5]) for row in rows(table)]
    for task, expected in (("owner", ["wants", "shield"]), ("child", ["grouped"]),
                           ("twin", ["any", "each", "any", "each"])):
        equal([awaiter for name, awaiter in awaiters if name == task], expected)
    equal([awaiter for _, awaiter in awaiters].count("gatherer"), 2)


def check_stack(stack: str) -> None:
    matches(r"\ATask 'outer' id 0x[0-9a-f]+ of main, thread \d+\n"
            r"  waits for sleep\(\)\n"
            r"  #0   innermost \S*debugged\.cpp:\d+\n"
            r"  #1   middle \S*debugged\.cpp:\d+\n"
            r"  #2   outer \S*debugged\.cpp:\d+\n"
            r"  awaited by Task 'joining' id 0x[0-9a-f]+, at join \S*debugged\.cpp:\d+\Z", stack)


def breakpoint_in_coroutine() -> None:
    """The running task is known as such, and a variable is a TASK."""
    table, by_variable, by_name, running = stopped(
        "waiting", ["asyncio ps", "asyncio bt first", "asyncio bt outer", "asyncio bt Task-1"])
    check_stack(by_variable)
    equal(by_variable, by_name)
    equal([row[2] for row in rows(table)][0], "Task-1")
    matches(r"\ATask 'Task-1' id 0x[0-9a-f]+ of main, thread \d+\n  runs\n"
            r"  #0   waiting \S+:\d+\Z", running)


def by_id() -> None:
    (stack,) = stopped("waiting", [
        "python from asyncio_gdb import Program; "
        "gdb.execute(f\"asyncio bt {Program().find('outer').id:#x}\")"])
    check_stack(stack)


def core() -> None:
    """The same of a core file, also of a stripped program."""
    with Folder() as folder:
        file, bare = os.path.join(folder, "core"), os.path.join(folder, "bare")
        subprocess.run(["strip", "-o", bare, PROGRAM], check=True, timeout=LIMIT)
        with Running(PROGRAM, "waiting") as process:
            gdb(["-p", str(process.pid), PROGRAM], [f"gcore {file}"])
            tid = str(process.pid)
        table, stack = gdb([PROGRAM, file], ["asyncio ps", "asyncio bt outer"])
        check_table(table, tid)
        check_stack(stack)
        with Running(bare, "waiting") as process:
            gdb(["-p", str(process.pid)], [f"gcore {file}"])
            tid = str(process.pid)
        _, table, stack = gdb([bare, file],
                              [f"source {SCRIPT}", "asyncio ps", "asyncio bt outer"])
        check_table(table, tid)
        check_stack(stack)


def stripped() -> None:
    """Without symbols the note is enough; strip takes the script along."""
    need("strip")
    with Folder() as folder:
        bare = os.path.join(folder, "bare")
        subprocess.run(["strip", "-o", bare, PROGRAM], check=True, timeout=LIMIT)
        with Running(bare, "waiting") as process:
            refused, _, table, stack = gdb(
                ["-p", str(process.pid)],
                ["asyncio ps", f"source {SCRIPT}", "asyncio ps", "asyncio bt outer"])
            matches('^Undefined command: "asyncio"', refused)
            check_table(table, str(process.pid))
            check_stack(stack)


def tree() -> None:
    """DBG-043: roots are tasks that nobody awaits, leaves show their own stack."""
    (text,) = stopped("waiting", ["asyncio pstree"])
    place = r"\S*/debugged\.cpp:\d+"
    matches(r"^└── \(T\) joining\n"
            rf"    └──  join {place}\n"
            r"        └── \(T\) outer\n"
            rf"            └──  outer {place}\n"
            rf"                └──  middle {place}\n"
            rf"                    └──  innermost {place}$", text)


def two_loops() -> None:
    (table,) = stopped("two_loops", ["asyncio ps"])
    found = rows(table)
    equal(len({row[0] for row in found}), 2)
    check("of the second loop" in [row[2] for row in found], table)


def lock_owner() -> None:
    """DBG-045: two tasks that have what the other one wants."""
    one, tree, table = stopped("deadlock", ["asyncio bt one", "asyncio pstree", "asyncio ps"])
    matches(r"^  waits for Lock\.acquire\(\) of 0x[0-9a-f]+, "
            r"which task 'two' 0x[0-9a-f]+ has$", one)
    matches("^  deadlock, cycle: one → two → one$", one)
    equal(tree, "ERROR: await-graph contains cycles - cannot print a tree!\n\n"
                "cycle: one → two → one")
    equal({row[2]: row[5] for row in rows(table)}, {"Task-1": "", "one": "two", "two": "one"})


def names() -> None:
    """failures 106: names cannot control the terminal, and are cut; a name of two is refused."""
    table, twin, escape = stopped("waiting", ["asyncio ps", "asyncio bt twin",
                                              "asyncio bt esc \\x1b[2J\\n\\u202e"])
    check("esc \\x1b[2J\\n\\u202e " in table, table)
    check("\x1b" not in table and "\u202e" not in table, "raw marks")
    equal(len(matches("x{100,}\\.\\.\\.", table)[0]), 200)
    matches(r"^asyncio: 2 tasks are 'twin'; name one by its id:\n"
            r"  0x[0-9a-f]+  twin, at sleep_long \S+:\d+\n"
            r"  0x[0-9a-f]+  twin, at sleep_long \S+:\d+$", twin)
    matches(r"^  #0   sleep_long ", escape)


def wrong_input() -> None:
    answers = {
        "waiting": {"asyncio bt nobody": "asyncio: no task or variable 'nobody' among 17 tasks",
                    "asyncio bt 0x10": "asyncio: no task or variable '0x10' among",
                    "asyncio bt stop_here()": "asyncio: no task or variable 'stop_here()'",
                    "asyncio ps 12": "asyncio: `asyncio ps` takes no argument",
                    "asyncio top": 'Undefined asyncio command: "top"'},
        "variables": {"asyncio bt finished": "asyncio: 'finished' is done",
                      "asyncio bt queue": "asyncio: no task or variable 'queue'"},
        "nothing": {"asyncio bt": "asyncio: which task?"},
    }
    for scenario, commands in answers.items():
        for found, expected in zip(stopped(scenario, list(commands)), commands.values()):
            matches("^" + re.escape(expected), found)
    equal(stopped("nothing", ["asyncio ps", "asyncio pstree"]), ["", ""])
    (found,) = gdb([PROGRAM], ["asyncio ps"])
    matches("^asyncio: no process and no core file: run the program", found)


def same_as_command() -> None:
    """What `asyncio ps`, `pstree` and `bt` print of the same process."""
    command = os.environ.get("ASYNCIO_COMMAND", "")
    if not os.path.exists(command):
        raise Skipped("the asyncio command was not built")
    for scenario, tasks in (("waiting", ("outer", "wants", "child", "each")), ("deadlock", ("one",)),
                            ("two_loops", ())):
        wanted = [["ps"], ["pstree"], *(["bt", task] for task in tasks)]
        with Running(PROGRAM, scenario) as process:
            pid = str(process.pid)
            ours = gdb(["-p", pid, PROGRAM], ["asyncio " + " ".join(words) for words in wanted])
            for words, text in zip(wanted, ours):
                theirs = subprocess.run([command, words[0], pid, *words[1:]], text=True,
                                        timeout=LIMIT, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT).stdout
                equal(text, theirs.strip("\n"))


# --- what is broken -------------------------------------------------------------------------------

POKE = ("python import asyncio_gdb; p=asyncio_gdb.Program(); t=p.find('outer'); l=t.layout; "
        "w=lambda a, v: p.memory.inferior.write_memory(a, v.to_bytes(8, 'little')); ")


def corrupt() -> None:
    """Whatever points to nonsense is told in one line, and the rest is shown."""
    broken = "frames of 'outer': the chain of coroutines is broken"
    cases = {
        "w(t.id + l['task.top'], 0xdead0000)": broken,
        "w(t.id + l['task.top'], 8)": broken,
        "w(t.id + l['task.loop'], 1)": "is no task: it was destroyed or written over",
        "w(t.id + l['task.extra'], 0x1234)": "a task of loop 1: cannot read 8 bytes",
        "w(t.id + l['task.waiting'], 0x1234)": "what 'outer' waits for: cannot read 8 bytes",
        "w(p.memory.word(t.id + l['task.extra']) + l['extra.name'] + l['string.size'], 1 << 62)":
            "a task of loop 1: a text of 4611686018427387904 bytes",
        "x=p.memory.word(t.id + l['task.top']); w(p.memory.word(x + l['promise.owner']) + "
        "l['link.parent'], x)": "the chain of coroutines",
    }
    for poke, expected in cases.items():
        _, table, _, _ = stopped("waiting", [POKE + poke, "asyncio ps", "asyncio pstree",
                                             "asyncio bt outer"])
        matches("^asyncio: left out: .*" + re.escape(expected), table)
        equal([row[2] for row in rows(table.split("\nasyncio: ")[0]) if row[2] == "joining"],
              ["joining"])


def corrupt_loop() -> None:
    """The registry and the list of loops."""
    for poke, expected in (
            ("w(t.loop.id + l['loop.chunks'], 8)", "the list of its tasks is broken"),
            ("w(t.loop.id + l['loop.chunks'] + l['vector.end'], 1 << 60)",
             "the list of its tasks is broken"),
            ("w(p.memory.word(t.loop.id + l['loop.chunks']), 0x1000)", "a part of its tasks"),
            ("w(t.loop.id + l['loop.next_open'], t.loop.id)", "the list of loops is broken"),
            ("w(l.first_loop, 0x1000)", "cannot read"),
            ("w(t.loop.id + l['loop.ready_capacity'], 7)", "its ready queue has")):
        _, table = stopped("waiting", [POKE + poke, "asyncio ps"])
        matches("^asyncio: .*" + re.escape(expected), table)


def fuzzed() -> None:
    """Any word of any object may be anything: no traceback, no hang."""
    fuzz = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fuzz.gdb.py")
    (text,) = stopped("waiting", [f"source {fuzz}"])
    matches(r"\A\d+ changes, \d+ of them told\Z", text)


def foreign_version() -> None:
    _, table = stopped("waiting", [
        POKE + "n=l.note; p.memory.inferior.write_memory(n, bytes([99, 0, 0, 0])); "
        "asyncio_gdb.forget_layouts()",
        "asyncio ps"])
    matches(r"^asyncio: .* has asyncio with layout 99, this script reads \d+: source", table)


# --- printers -------------------------------------------------------------------------------------

def printers() -> None:
    """Each type in each state, by the program's own debug information."""
    expected = {
        "coro": r"<coroutine object add\(\) defined at debugged\.cpp:\d+, 0x[0-9a-f]+>",
        "gone": "<coroutine object, consumed>",
        "finished": r"<Task finished name='adder' coro=<add\(\) done, defined at "
                    r"debugged\.cpp:\d+>> = \{result = 42\}",
        "failed": r"<Task finished name='failing' coro=<fail\(\) done, defined at "
                  r"debugged\.cpp:\d+> exception=std::runtime_error: no\\x1b\[31m more>",
        "odd": r"<Task finished name='odd' .* exception=\(anonymous namespace\)::Odd>",
        "gathered": r"<Future finished> = \{result = "
                    r"std::tuple containing = \{\[1\] = 3, \[2\] = 7\}\}",
        "cancelled": r"<Task cancelled name='cancelled' coro=<sleep_long\(\) done, .*>>",
        "pending": r"<Task pending name='Task-\d+' coro=<sleep_long\(\) running at "
                   r"debugged\.cpp:\d+> wait_for=<sleep\(\)>>",
        "any": r"<Task pending name='Task-\d+' coro=<sleep_long\(\) .*>",
        "empty": "<Future pending>",
        "value": r'<Future finished> = {result = "text"}',
        "source": "<Future, moved from>",
        "moved": "<Future pending>",
        "lock": r"<Lock \[locked, waiters:1\] owner='owner'>",
        "free_lock": r"<Lock \[unlocked\]>",
        "held_lock": r"<Lock \[locked\] owner='Task-1'>",
        "guard": "<Guard of 0x[0-9a-f]+>",
        "released": "<Guard, released>",
        "second": r"<Task pending name='second' .* wait_for=<Lock\.acquire\(\)>>",
        "queue": r"<Queue maxsize=3 _queue\[2\] tasks=2> = \{11, 22\}",
        "empty_queue": r"<Queue maxsize=0 _getters\[1\]>",
        "lifo": r'<LifoQueue maxsize=0 _queue\[2\] tasks=2> = {"first", "second"}',
        "priority": r"<PriorityQueue maxsize=0 _queue\[3\] tasks=3> = {1, 3, 2}",
        "shut": r"<Queue maxsize=0 shutdown>",
        "event": r"<Event \[unset, waiters:1\]>",
        "set_event": r"<Event \[set\]>",
        "semaphore": r"<Semaphore \[unlocked, value:2\]>",
        "bounded": r"<BoundedSemaphore \[unlocked, value:1\]>",
        "taken": r"<Semaphore \[locked, waiters:1\]>",
        "closed": r"<Channel 0/1 closed>",
        "channel": r"<Channel 1/2> = \{7\}",
        "group": "<TaskGroup>",
        "entered": r"<TaskGroup tasks=1 entered>",
        "back": r"-2\.001ms",
        "millis": r"1\.5s",
        "forever": r"max\(\)",
        "when": "at 2s",
    }
    found = stopped("variables", [f"print {name}" for name in expected])
    for (name, pattern), text in zip(expected.items(), found):
        check(re.fullmatch(r"\$\d+ = " + pattern, text), f"{name}: {text!r} is not {pattern!r}")


def broken_values() -> None:
    """Printers of what is destroyed or written over say so."""
    _, coro, _, task, _, queue = stopped("variables", [
        "set var *(long*)&coro = 0x1234", "print coro",
        "set var *(long*)&pending = 0x1234", "print pending",
        "set var queue.items_.items_.size_ = 1000000000", "print queue"])
    for found in (coro, task, queue):
        matches("not to be read", found)


# --- where the script comes from ------------------------------------------------------------------

def declined() -> None:
    """gdb's answer for a program in no safe path, as docs/gdb.md quotes it."""
    need("gdb")
    (text,) = gdb([PROGRAM], ["asyncio ps"], settings=())
    matches('^Undefined command: "asyncio"', text)


def embedded() -> None:
    """The script in the program is the file, is not mapped at run time, and is loaded."""
    need("objcopy", "readelf")
    with Folder() as folder:
        file = os.path.join(folder, "section")
        shared = os.path.join(os.path.dirname(PROGRAM), "libasyncio_to_debug.so")
        holder = shared if PROGRAM.endswith("_shared") else PROGRAM
        name = ".debug_gdb_scripts"
        subprocess.run(["objcopy", "-O", "binary", "--set-section-flags", f"{name}=alloc", "-j",
                        name, holder, file], check=True, timeout=LIMIT)
        with open(file, "rb") as section, open(SCRIPT, "rb") as script:
            text = section.read()
            check(text.startswith(b"\x04asyncio_gdb.py\n") and text.endswith(b"\0"), text)
            check(b"r'''" + script.read() + b"''', " in text, "another script")
    segments = subprocess.run(["readelf", "-lW", holder], check=True, capture_output=True,
                              text=True, timeout=LIMIT).stdout
    check(".debug_gdb_scripts" not in segments, segments)
    (loaded,) = stopped("nothing", ["info auto-load python-scripts"])
    matches(r"^Yes\s+asyncio_gdb\.py", loaded)


def same_layout() -> None:
    """The script's table is that of src/base/layout.hpp."""
    with open(os.path.join(SOURCE, "src/base/layout.hpp"), encoding="utf-8") as header:
        text = re.sub(r"//.*", "", header.read())
    text = text[text.index("struct Layout {"):text.index("struct LayoutNote")]
    fields, inner = [], []
    for line in text.split("\n")[1:]:
        if member := re.match(r"\s*(std::uint32_t |const void\*) ?(\w+);", line):
            inner.append(("*" if "*" in member[1] else "") + member[2])
        if re.match(r"\s*struct \w*\s*{", line):
            fields, inner = fields + inner, []
        elif end := re.match(r"\s*} (\w+);", line):
            fields, inner = fields + [f"{end[1]}.{name}" for name in inner], []
        elif line.startswith("};"):
            fields += inner
            break
    with open(SCRIPT, encoding="utf-8") as script:
        source = script.read()
    table = re.search(r'LAYOUT_FIELDS = """(.*?)"""', source, re.DOTALL)[1].split()
    equal(table, fields)
    equal(re.search(r"layout_version = (\d+)", open(os.path.join(SOURCE, "src/base/layout.hpp"),
                                                    encoding="utf-8").read())[1],
          re.search(r"LAYOUT_VERSION = (\d+)", source)[1])


net.WHOLE_LIMIT = 110  # seconds for a test
net.TESTS = (attached, breakpoint_in_coroutine, by_id, core, stripped, tree, two_loops, lock_owner,
             names, wrong_input, same_as_command, corrupt, corrupt_loop, fuzzed, foreign_version,
             printers, broken_values, declined, embedded, same_layout)

if __name__ == "__main__":
    SOURCE, PROGRAM = (os.path.abspath(path) for path in sys.argv[1:3])
    SCRIPT = os.path.join(SOURCE, "tools/gdb/asyncio_gdb.py")
    del sys.argv[1]
    sys.exit(net.main())
