"""The language of the scenario programs: nodes, their text, and what makes a program valid.

A program is a tree. Each line of its text is a node: words, and below it, indented by two spaces,
the nodes that it contains. The number of a line names its node in traces.

At the top stand the objects and the bodies:

    lock l0 | event e0 | future f0        condition c0 [l0]      semaphore s0 2 | bounded s1 2
    barrier b0 3                          queue q0 fifo|lifo|priority 2
    run             what one Runner.run() executes, in this order
    task t1         a coroutine: p1 names it before it runs, t1 the task that it becomes
    callback d0     statements that do not await
    generator a0    statements, `yield 7` and at its end perhaps `cleanup`

Joint futures j0 (of gather and shield), groups g0, timeouts x0, handles h0, contexts k0, context
variables v0 and counters n0 need no declaration. Delays are in nanoseconds. A statement `~op` does
not raise its error, unless that is a cancellation. `hold` is `async with` a lock, condition or
semaphore, `guard` the library's own form of it, and `show` what such an object tells of itself.
"""

import re

# Statements that do not await; a callback holds only such.
SYNC = {
    "add", "busy", "callback", "cancel", "clear", "copy", "drop", "eager", "fail", "gather",
    "getnow", "getvar", "gspawn", "later", "notify", "notifyall", "putnow", "raise",
    "raisecancelled", "release", "reschedule", "set", "setevent", "setvar", "shield", "show",
    "shutdown", "soon", "spawn", "state", "taskdone", "uncallback", "uncancel",
}
ASYNC = {
    "abort", "aclose", "acquire", "athrow", "await", "barrier", "call", "cwait", "cwaitfor",
    "get", "join", "next", "put", "reset", "sleep", "wait", "waitevent", "waitfor",
}
# Statements that contain others or change where the program goes on.
FLOW = {
    "completed", "group", "guard", "hold", "iterate", "repeat", "reraise", "return", "timeout",
    "try",
}
PARTS = {"body", "cancelled", "error", "finally"}  # of `try`
BODIES = {"run", "task", "callback", "generator"}
OBJECTS = {"lock", "event", "future", "condition", "semaphore", "bounded", "barrier", "queue"}

_NAME = re.compile(r"[a-z]\d+$")
_DECLARED = "lefcsbqfptda"  # the kinds of names that must be declared


class Node:
    """A line of a program."""

    __slots__ = ("words", "op", "quiet", "nodes", "line")

    def __init__(self, words, nodes=()):
        self.words = words
        self.quiet = words[0][0] == "~"
        self.op = words[0].lstrip("~")
        self.nodes = list(nodes)
        self.line = 0

    def walk(self):
        yield self
        for node in self.nodes:
            yield from node.walk()

    def copy(self):
        return Node(self.words, [node.copy() for node in self.nodes])


def node(text, *nodes):
    return Node(text.split(), nodes)


class Program:
    """Objects and bodies, in their order; `title` says where it comes from."""

    def __init__(self, title, nodes):
        self.title = title
        self.nodes = nodes

    def walk(self):
        for top in self.nodes:
            yield from top.walk()

    def copy(self):
        return Program(self.title, [n.copy() for n in self.nodes])

    def __str__(self):
        lines = [f"program {self.title}"]
        for top in self.nodes:
            _write(top, 0, lines)
        return "\n".join(lines) + "\n"


def _write(item, depth, lines):
    lines.append("  " * depth + " ".join(item.words))
    item.line = len(lines)
    for child in item.nodes:
        _write(child, depth + 1, lines)


def parse(text):
    """The program that a text describes; its nodes know their lines."""
    lines = text.splitlines()
    words = lines[0].split()
    if words[:1] != ["program"]:
        raise ValueError("a program begins with a line `program TITLE`")
    top = Node(["program"])
    open_nodes = [top]
    for number, line in enumerate(lines[1:], 2):
        if not line.strip():
            continue
        depth = (len(line) - len(line.lstrip(" "))) // 2
        item = Node(line.split())
        item.line = number
        del open_nodes[depth + 1:]
        open_nodes[-1].nodes.append(item)
        open_nodes.append(item)
    return Program(" ".join(words[1:]), top.nodes)


def _allowed_in(outer, top):
    """The operations that may stand in a node of that body."""
    if outer.op == "try":
        return PARTS
    if top.op == "callback":
        return SYNC
    return SYNC | ASYNC | FLOW | ({"yield", "cleanup"} if outer.op == "generator" else set())


def problems(program):
    """What is wrong with a program, a line each. What the shrinker cuts must stay valid."""
    declared = {n.words[1] for n in program.nodes if len(n.words) > 1}
    found = []
    if not any(n.op == "run" for n in program.nodes):
        found.append("there is no `run`")
    for top in program.nodes:
        if top.op not in BODIES | OBJECTS:
            found.append(f"{top.op} cannot stand at the top")
        for outer in top.walk():
            found += [f"{inner.op} cannot stand in {outer.op}" for inner in outer.nodes
                      if inner.op not in _allowed_in(outer, top)]
    for item in program.walk():
        for word in item.words[1:]:
            if _NAME.match(word) and word[0] in _DECLARED:
                if word.replace("p", "t", 1) not in declared:
                    found.append(f"{word} is not declared")
    return found
