"""The profile `random`: any statement anywhere.

Left out, since the library differs from CPython 3.13 there on purpose (docs/parity.md) or CPython
leaves it open:

- A task awaits only tasks with a higher number than the body that awaits: no task awaits itself or
  a cycle of tasks (refused here, RecursionError at a cancellation there).
- No two deadlines are equal: CPython leaves the order of such timers open. Delays are random
  numbers below 10^12 ns; what is due at once has one below zero.
- Nothing new is started by what runs while the Runner closes (CPython forgets such tasks); the
  interpreters see to it.
- Nothing is started eagerly in a group (other releases of CPython 3.13 differ).
- Everything is held by its name to the end: CPython would drop a task or generator at a moment of
  its own.
"""

from builder import Builder, Scope
from program import Program, node

_QUIET = 70  # percent: of what may fail, how much is not to end its task


def _maybe_quiet(b, text):
    return ("~" if b.r.chance(_QUIET) else "") + text


# --- statements that do not await; each returns a text, or None where it cannot stand ---


def _cancel(b, scope):
    message = f" m{b.number()}" if b.r.chance(40) else ""
    return f"cancel {b.any_future()}{message}"


def _uncancel(b, scope):
    return f"uncancel t{b.r.between(1, b.tasks)}"


def _state(b, scope):
    return f"state {b.any_future()}"


def _finish(b, scope):
    ends = "set" if b.r.chance(60) else "fail"
    return _maybe_quiet(b, f"{ends} {b.object('f')} {b.number()}")


def _callback(b, scope):
    name = b.pick(scope.callbacks)
    if name is None:
        return None
    if b.r.chance(20):
        return f"uncallback {name}"
    return f"callback {b.any_future()} {name}"


def _soon(b, scope):
    name, handle = b.pick(scope.callbacks), f"h{b.r.below(3)}"
    if name is None:
        return None
    choice = b.r.below(10)
    if choice < 5:
        return f"soon {name} {handle}" + (f" k{b.r.below(3)}" if b.r.chance(15) else "")
    if choice < 8:
        sign = "-" if b.r.chance(20) else ""
        return f"later {name} {handle} {sign}{b.delay()}"
    return f"drop {handle}"


def _spawn(b, scope):
    name = b.new_coroutine(scope)
    if name is None:
        return None
    if scope.groups and b.r.chance(60):
        return f"~gspawn {b.r.pick(scope.groups)} {name}"
    if b.r.chance(20):
        return f"eager {name}"
    return f"spawn {name}" + (f" k{b.r.below(3)}" if b.r.chance(15) else "")


def _joint(b, scope):
    if b.r.chance(50):
        items = b.awaitables(scope, 1, True)
        name = b.new_joint(items)
        return name and f"shield {name} {items[0]}"
    items = b.awaitables(scope, 3, True)
    name = b.new_joint(items)
    return name and f"gather {name} {b.r.pick(['errors', 'first'])} {' '.join(items)}"


def _variable(b, scope):
    choice = b.r.below(5)
    if choice == 0:
        return f"copy k{b.r.below(3)}"
    name = f"v{b.r.below(2)}"
    return f"getvar {name}" if choice < 3 else f"setvar {name} {b.number()}"


def _busy(b, scope):
    return f"busy {b.delay()}"


def _reschedule(b, scope):
    name = b.r.pick(scope.timeouts) if scope.timeouts else f"x{b.r.below(3)}"
    return f"~reschedule {name} {b.limit()}"


def _release(b, scope):
    name = b.object("l") if b.r.chance(50) else b.object("s")
    return name and _maybe_quiet(b, f"release {name}")


def _event(b, scope):
    name = b.object("e")
    return name and f"{'setevent' if b.r.chance(70) else 'clear'} {name}"


def _notify(b, scope):
    name = b.object("c")
    if name is None:
        return None
    return _maybe_quiet(b, f"notifyall {name}" if b.r.chance(30) else
                        f"notify {name} {b.r.between(1, 2)}")


def _show(b, scope):
    name = b.object(b.r.pick("lecsbq"))
    return name and f"show {name}"


def _counter(b, scope):
    return f"add n0 {b.r.between(-1, 2)}"


def _queue_now(b, scope):
    name = b.object("q")
    if name is None:
        return None
    choice = b.r.below(20)
    if choice < 9:
        return _maybe_quiet(b, f"putnow {name} {b.number()}")
    if choice < 15:
        return _maybe_quiet(b, f"getnow {name}")
    if choice < 19:
        return _maybe_quiet(b, f"taskdone {name}")
    return f"shutdown {name}" + (" now" if b.r.chance(40) else "")


def _raise(b, scope):
    if b.r.chance(25):
        return f"raisecancelled m{b.number()}" if b.r.chance(50) else "raisecancelled"
    return f"raise {b.number()}"


# --- statements that await ---


def _sleep(b, scope):
    return "sleep 0" if b.r.chance(55) else f"sleep {b.delay()}"


def _await(b, scope):
    name = b.awaitable(scope, False)
    return name and _maybe_quiet(b, f"await {name}")


def _call(b, scope):
    name = b.new_coroutine(scope)
    return name and _maybe_quiet(b, f"call {name}")


def _wait(b, scope):
    items = b.awaitables(scope, 3, False)
    return f"wait {b.r.pick(['all', 'first', 'exception'])} {b.limit()} {' '.join(items)}"


def _wait_for(b, scope):
    return _maybe_quiet(b, f"waitfor {b.limit()} {b.awaitable(scope)}")


def _primitive(b, scope):
    kind = b.r.pick("lsecb")
    name = b.object(kind)
    if name is None:
        return None
    if kind in "ls":
        return f"acquire {name}"
    if kind == "e":
        return f"waitevent {name}"
    if kind == "c":
        return _maybe_quiet(b, f"cwait {name}")
    return _maybe_quiet(b, f"{b.r.pick(['barrier'] * 8 + ['reset', 'abort'])} {name}")


def _queue(b, scope):
    name = b.object("q")
    if name is None:
        return None
    choice = b.r.below(10)
    if choice < 5:
        return _maybe_quiet(b, f"get {name}")
    return f"join {name}" if choice > 8 else _maybe_quiet(b, f"put {name} {b.number()}")


def _generator(b, scope):
    name = b.object("a")
    if name is None:
        return None
    choice = b.r.below(10)
    if choice < 6:
        return _maybe_quiet(b, f"next {name}")
    return _maybe_quiet(b, f"athrow {name} {b.number()}" if choice < 8 else f"aclose {name}")


# --- statements that contain others ---


def _try(b, scope):
    parts = [node("body", *_block(b, scope.inner()))]
    if b.r.chance(50):
        last = [node("reraise")] if b.r.chance(50) else []
        parts.append(node("cancelled", *_block(b, scope.inner()), *last))
    if b.r.chance(50):
        last = [node("reraise")] if b.r.chance(30) else []
        parts.append(node("error", *_block(b, scope.inner()), *last))
    if b.r.chance(50) or len(parts) == 1:
        parts.append(node("finally", *(n for n in _block(b, scope.inner()) if n.op != "return")))
    return node("try", *parts)


def _timeout(b, scope):
    name = f"x{b.r.below(3)}"
    return node(_maybe_quiet(b, f"timeout {name} {b.limit()}"),
                *_block(b, scope.inner(timeout=name)))


def _group(b, scope):
    name = f"g{b.r.below(3)}"
    return node(_maybe_quiet(b, f"group {name}"), *_block(b, scope.inner(group=name), 4))


def _hold(b, scope):
    name = b.object(b.r.pick("lscc"))
    if name is None:
        return None
    nodes = _block(b, scope.inner())
    if name[0] == "c" and b.r.chance(70):
        wait = f"cwaitfor {name} n0 {b.r.between(0, 2)}" if b.r.chance(40) else f"cwait {name}"
        nodes.insert(b.r.below(len(nodes) + 1), node(wait))
    form = "guard" if b.r.chance(40) else "hold"
    return node(_maybe_quiet(b, f"{form} {name}"), *nodes)


def _repeat(b, scope):
    return node(f"repeat {b.r.between(2, 3)}", *_block(b, scope.inner()))


def _completed(b, scope):
    if b.r.chance(30):
        items = [name for name in (b.new_coroutine(scope) for _ in range(2)) if name]
    else:
        items = [name for name in b.awaitables(scope, 3, False) if name[0] != "j"]
    if not items:
        return None
    form = b.r.pick(["plain", "async"])
    return node(_maybe_quiet(b, f"completed {form} {b.limit()} {b.r.pick([0, 0, 1, 2])} "
                                f"{' '.join(items)}"))


def _iterate(b, scope):
    name = b.object("a")
    return name and node(_maybe_quiet(b, f"iterate {name} {b.r.below(3)}"))


def _return(b, scope):
    return node(f"return {b.number()}")


def _weighted(pairs):
    return [make for weight, make in pairs for _ in range(weight)]


_SYNC = _weighted([
    (6, _cancel), (1, _uncancel), (1, _state), (4, _finish), (2, _callback), (3, _soon),
    (3, _spawn), (2, _joint), (2, _variable), (1, _busy), (1, _reschedule), (3, _release),
    (2, _event), (2, _notify), (3, _show), (1, _counter), (4, _queue_now), (1, _raise),
])
_ASYNC = _weighted([
    (10, _sleep), (5, _await), (2, _call), (3, _wait), (3, _wait_for), (5, _primitive),
    (3, _queue), (2, _generator),
])
_FLOW = _weighted([
    (5, _try), (3, _timeout), (4, _group), (4, _hold), (1, _repeat), (2, _completed),
    (2, _iterate), (1, _return),
])
_MOST_DEPTH = 3


def _statement(b, scope):
    choice = b.r.below(100)
    if choice < 45:
        made = b.r.pick(_SYNC)(b, scope)
    elif choice < 80 or scope.depth >= _MOST_DEPTH:
        made = b.r.pick(_ASYNC)(b, scope)
    else:
        return b.r.pick(_FLOW)(b, scope)
    return made and node(made)


def _block(b, scope, most=3):
    nodes = [_statement(b, scope) for _ in range(b.r.between(1, most))]
    return [n for n in nodes if n] or [node("sleep 0")]


def _main(b):
    scope = Scope(0, callbacks=b.objects["d"])
    started = [node(_spawn(b, scope) or "sleep 0") for _ in range(b.r.between(1, 3))]
    return node("run", *started, *_block(b, scope, 6))


def _callbacks(b):
    for i, name in enumerate(b.objects["d"]):
        scope = Scope(None, callbacks=b.objects["d"][i + 1:])  # none schedules itself
        texts = [b.r.pick(_SYNC)(b, scope) for _ in range(b.r.between(1, 3))]
        yield node(f"callback {name}", *(node(text) for text in texts if text))


def _generators(b):
    # Its body awaits no tasks, since any task may run it.
    scope = Scope(b.tasks, depth=1, callbacks=b.objects["d"])
    for name in b.objects["a"]:
        nodes = []
        for _ in range(b.r.between(1, 4)):
            nodes += [n for n in _block(b, scope, 2) if n.op != "iterate"] if b.r.chance(60) else []
            nodes.append(node(_maybe_quiet(b, f"yield {b.number()}")))
        if b.r.chance(40):
            nodes.append(node("cleanup", *_block(b, scope, 2)))
        yield node(f"generator {name}", *nodes)


def random_program(seed):
    b = Builder(seed)
    nodes = [_main(b) for _ in range(2 if b.r.chance(10) else 1)]
    for number in range(1, b.tasks + 1):
        scope = Scope(number, callbacks=b.objects["d"])
        nodes.append(node(f"task t{number}", *_block(b, scope, 5)))
    nodes += list(_callbacks(b)) + list(_generators(b))
    return Program(f"random {seed}", b.declarations + nodes)
