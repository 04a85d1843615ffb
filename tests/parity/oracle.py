"""Runs scenario programs on CPython's asyncio and writes down what happens.

A line of a trace: time, task or callback, line of the program and its operation, what came of it,
and the number of cancellations that the task has been asked for:

    1200 t3 17:acquire True c0
"""

import asyncio
import contextvars
import gc
import logging
import sys
import warnings

from oracle_async import ASYNC_OPS, FLOW_OPS
from oracle_sync import SYNC_OPS, make_object
from outcome import Nothing, describe, last_state, object_state, show
from virtual_loop import Deadlock, VirtualLoop


class Frame:
    """Of one body: what it returns and the error that the innermost handler has caught."""

    __slots__ = ("value", "caught")

    def __init__(self, value):
        self.value = value
        self.caught = None


class Machine:
    def __init__(self, program):
        self.lines = []
        self.loop = VirtualLoop()
        self.loop.set_exception_handler(self._handle)
        self.names = {}  # what has been made: tasks, futures, locks, ...
        self.bodies = {}
        self.runs = []
        self.registered = {}  # by callback: where it was added, and as what
        self.used = set()  # coroutines run once
        self.callback = None  # the one that runs
        self.closing = False
        self.silent = False
        for top in program.nodes:
            if top.op == "run":
                self.runs.append(top)
            elif top.op in ("task", "callback", "generator"):
                self.bodies[top.words[1]] = top
            else:
                self.names[top.words[1]] = make_object(self, top.words)

    # --- the trace ---

    def note(self, text):
        if self.silent:
            return
        task = asyncio.current_task(self.loop)
        if task is None:
            self.lines.append(f"{self.loop.now} {self.callback} {text}")
        else:
            name = _name_of(task)
            self.lines.append(f"{self.loop.now} {name} {text} c{task.cancelling()}")

    def trace(self, node, outcome):
        self.note(f"{node.line}:{node.op} {outcome}")

    def _handle(self, loop, context):
        if context.get("message", "").startswith("Exception in callback"):
            self.lines.append(f"{self.loop.now} handler {describe(context.get('exception'))}")

    # --- names ---

    def get(self, name):
        try:
            return self.names[name]
        except KeyError:
            raise Nothing("none") from None

    def awaitables(self, names, root=True):
        """For each name its future, or a new coroutine."""
        for name in names:
            if name[0] != "p":
                self.get(name)
            elif self.closing:
                raise Nothing("closing")
            elif name in self.used:
                raise Nothing("used")
        return [self.coroutine(n, root) if n[0] == "p" else self.names[n] for n in names]

    def coroutine(self, name, root):
        if name in self.used:
            raise Nothing("used")
        self.used.add(name)
        return self._task_body("t" + name[1:], root)

    def generator(self, name):
        if name not in self.names:
            if self.closing:
                raise Nothing("closing")
            self.names[name] = self._generate(self.bodies[name])
        return self.names[name]

    # --- bodies ---

    async def _task_body(self, name, root):
        if root and name not in self.names:
            self.names[name] = asyncio.current_task()
            asyncio.current_task().set_name(name)
        try:
            return await self._body(self.bodies[name], int(name[1:]))
        finally:
            if root:
                _forget_message(asyncio.current_task())

    async def _main(self, node, number):
        asyncio.current_task().set_name(f"r{number}")
        return await self._body(node, 0)

    async def _body(self, node, value):
        frame = Frame(value)
        self.trace(node, "begin")
        try:
            await self.block(node.nodes, frame)
        except BaseException as error:
            self.trace(node, f"end {describe(error)}")
            raise
        self.trace(node, f"end {frame.value}")
        return frame.value

    async def block(self, nodes, frame):
        """True if a `return` was met."""
        for node in nodes:
            op = FLOW_OPS.get(node.op)
            if op is None:
                await self.statement(node)
                continue
            try:
                if await op(self, node, frame):
                    return True
            except Nothing as nothing:
                self.trace(node, nothing.args[0])
        return False

    async def statement(self, node):
        try:
            op = SYNC_OPS.get(node.op)
            outcome = op(self, node.words) if op else await ASYNC_OPS[node.op](self, node)
        except Nothing as nothing:
            outcome = nothing.args[0]
        except BaseException as error:
            self.trace(node, describe(error))
            if node.quiet and isinstance(error, Exception):
                return
            raise
        self.trace(node, show(outcome))

    async def _generate(self, top):
        cleanup = [n for n in top.nodes if n.op == "cleanup"]
        try:
            for node in top.nodes:
                if node.op != "yield":
                    await self.block((node,) if node.op != "cleanup" else (), Frame(0))
                    continue
                try:
                    yield int(node.words[1])
                except BaseException as error:
                    self.trace(node, describe(error))
                    if not node.quiet or not isinstance(error, Exception):
                        raise
        finally:
            for part in cleanup:
                self.trace(part, "enter")
                await self.block(part.nodes, Frame(0))

    def call_back(self, name):
        """Runs a callback's statements."""
        if self.closing:
            return  # the library's loop may live a pass longer then
        outer, self.callback = self.callback, name
        try:
            for node in self.bodies[name].nodes:
                self._call_back_statement(node)
        finally:
            self.callback = outer

    def _call_back_statement(self, node):
        try:
            outcome = SYNC_OPS[node.op](self, node.words)
        except Nothing as nothing:
            outcome = nothing.args[0]
        except BaseException as error:
            self.trace(node, describe(error))
            if node.quiet and isinstance(error, Exception):
                return
            raise
        self.trace(node, show(outcome))

    # --- all of it ---

    def run(self):
        runner = asyncio.Runner(loop_factory=lambda: self.loop)
        for number, node in enumerate(self.runs, 1):
            self._ends(f"run r{number}", lambda: runner.run(self._main(node, number)))
        if not self.runs:
            runner.get_loop()
        self.lines.append(" ".join(["left"] + [_name_of(t) for t in self.loop.pending_tasks()]))
        self.lines += object_state(self)
        self.closing = True
        if self._ends("close", runner.close) != "deadlock":
            self.lines += object_state(self)
        self.silent = True
        self.lines += last_state(self)
        return "\n".join(self.lines) + "\n"

    def _ends(self, what, run):
        try:
            outcome = show(run())
        except Deadlock:
            outcome = "deadlock"
        except BaseException as error:
            outcome = describe(error)
        self.lines.append(f"{self.loop.now} {what} {outcome}")
        return outcome


def _forget_message(task):
    """A cancellation that a task has swallowed is over here; in CPython a gather() that is cancelled
    and has that task as its last argument still says what it was asked with."""
    if not task._must_cancel:
        task._cancel_message = None


def _name_of(task):
    name = task.get_name()
    return "?" if name.startswith("Task-") else name


def prepare():
    """No reports of what CPython finds when a program is thrown away in the middle of it, and no
    search for garbage in what is there already."""
    gc.freeze()
    sys.unraisablehook = lambda unraisable: None
    warnings.simplefilter("ignore")
    logging.getLogger("asyncio").disabled = True


def trace_of(program):
    """What the program does, as text. Its nodes must know their lines.

    What it leaves is thrown away at once: coroutines run statements even then, which must not be in
    the middle of another program.
    """
    gc.disable()
    try:
        return contextvars.Context().run(lambda: Machine(program).run())
    finally:
        gc.collect()
