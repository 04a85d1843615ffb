"""The profile `storm`, second part: groups, timeouts, gather, shield, wait, the order of calls."""

from program import node
from storm import PRIMITIVES, Storm, _line_up, _rounds


def group(s):
    s.declare("future f0")
    parent = s.add_task()
    body = [node(f"gspawn g0 p{_child(s)}") for _ in range(s.r.between(2, 4))]
    body += [node(s.r.pick(["sleep 0", "await f0", s.pause(), f"raise {s.number()}"]))
             for _ in range(s.r.below(3))]
    if s.r.chance(25):
        body = s.wrapped(body)
    inside = [node("~group g0" if s.r.chance(60) else "group g0", *body)]
    if s.r.chance(20):
        inside = [node(f"~timeout x0 {s.delay() if s.r.chance(60) else 0}", *inside)]
    elif s.r.chance(20):
        inside = [node("~group g1", node(f"gspawn g1 p{_child(s)}"), *inside)]
    after = [node(text) for text in s.pauses()]
    s.bodies[parent - 1].nodes = s.wrapped(inside) + after
    s.start(parent)
    numbers = list(range(1, s.tasks + 1))
    s.say(*s.pauses(1))
    late = [f"gspawn g0 p{_child(s)}"] if s.r.chance(30) else []
    _rounds(s, [parent] + numbers[1:] * s.r.below(2),
            lambda: ["~set f0 1"] * s.r.below(2) + [f"~{op}" for op in late[:1]], 2)


def _child(s):
    """One that ends, fails, is slow to go or refuses to."""
    choice = s.r.below(6)
    if choice == 0:
        return s.add_task(node(f"raise {s.number()}"))
    if choice == 1:
        return s.add_task(node(s.pause()), node(f"raise {s.number()}"))
    if choice == 2:
        cleanup = [node(s.pause())] + ([node(f"raise {s.number()}")] if s.r.chance(40) else [])
        return s.add_task(node("try", node("body", node(f"sleep {s.delay()}")),
                               node("finally", *cleanup)))
    if choice == 3:
        return s.add_task(node("try", node("body", node(f"sleep {s.delay()}")),
                               node("cancelled", node(s.pause()))))
    return s.add_task(*map(node, [s.pause()] + s.pauses()))


def timeouts(s):
    """Two limits, one inside the other, that come together with each other and with a cancel()."""
    s.declare("future f0")
    limits = [s.delay(), s.delay()]
    if s.r.chance(20):
        limits[s.r.below(2)] = s.r.pick([0, -s.delay(), "none"])
    core = [node(s.r.pick(["await f0", f"sleep {s.delay()}", "sleep 0"]))]
    if s.r.chance(25):
        core = [node("try", node("body", *core), node("cancelled", node(s.pause())))]
    inner = [node(f"~timeout x1 {limits[1]}" if s.r.chance(40) else f"timeout x1 {limits[1]}",
                  *core, *map(node, s.pauses(1)))]
    body = [node(f"~timeout x0 {limits[0]}", *inner, *map(node, s.pauses(1)))]
    task = s.add_task(*body, *map(node, s.pauses()))
    s.start(task)
    s.say("sleep 0")
    for _ in range(s.r.between(1, 2)):
        whole = [x for x in limits if isinstance(x, int)]
        past = f"busy {max([1] + whole) + 1 - s.r.below(2) * min(abs(x) for x in whole + [1])}"
        moved = f"~reschedule x{s.r.below(2)} {s.r.pick(['none', -s.delay(), s.delay()])}"
        ops = [past, s.cancel(task)] if s.r.chance(60) else [past]
        ops += [moved] * s.r.below(2) + ["~set f0 1"] * s.r.below(2)
        ops += [f"uncancel t{task}"] if s.r.chance(15) else []
        s.strike(ops)
        s.say(*s.pauses())


def timeout_zero(s):
    s.declare("future f0")
    limit = s.r.pick([0, 0, -s.delay()])
    core = [s.r.pick(["sleep 0", "await f0", f"sleep {s.delay()}"])] * s.r.between(1, 3)
    task = s.add_task(node(f"~timeout x0 {limit}", *map(node, core)), *map(node, s.pauses()))
    inner = s.add_task(*s.wrapped([node(s.pause()), node(s.pause())]))
    item = s.r.pick(["f0", f"p{inner}", f"t{inner}"])
    waits = s.add_task(node(f"~waitfor {limit} {item}"), *map(node, s.pauses()))
    if waits < inner or item[0] == "t":
        s.start(inner)
    s.start(task, waits)
    s.say(*s.pauses(1))
    _rounds(s, [task, waits], lambda: ["~set f0 1"] * s.r.below(2), 1)


def wait_for(s):
    """A limit, a result and a cancel() together."""
    s.declare("future f0")
    limit = s.delay()
    inner = s.add_task(*s.wrapped([node("await f0")]), *map(node, s.pauses(1)))
    item = s.r.pick(["f0", f"t{inner}", f"t{inner}"])
    s.start(inner)
    waits = s.add_task(node(f"~waitfor {limit} {item}"), *map(node, s.pauses()))
    s.bodies[-1], s.bodies[-2] = s.bodies[-2], s.bodies[-1]
    s.start(waits)
    s.say("sleep 0")
    ops = [f"busy {limit + 1}"] if s.r.chance(70) else []
    _rounds(s, [waits, inner], lambda: ops + ["~set f0 1"] * s.r.below(2), 2)


def _futures(s, count):
    for n in range(count):
        s.declare(f"future f{n}")
    return [f"f{n}" for n in range(count)]


def _endings(s, futures):
    """Some of the futures end, in one way or another."""
    ops = []
    for name in futures:
        if s.r.chance(55):
            ops.append(s.r.pick([f"~set {name} {s.number()}", f"~set {name} {s.number()}",
                                 f"~fail {name} {s.number()}", f"cancel {name}"]))
    return ops


def _mixed(s, futures):
    """Futures and tasks that wait for them; the tasks are started. The first task is number 2."""
    tasks = []
    for name in s.r.some(futures, s.r.between(1, len(futures))):
        tasks.append(s.add_task(*s.wrapped([node(f"await {name}")])))
    s.start(*tasks)
    items = s.r.some(futures + [f"t{n}" for n in tasks], s.r.between(1, 4))
    return items, tasks


def _waiting_first(s, make):
    """A task, numbered before what it waits for, whose body `make` gives when that is there."""
    waiter = s.add_task()
    futures = _futures(s, s.r.between(1, 3))
    items, tasks = _mixed(s, futures)
    s.bodies[waiter - 1].nodes = make(items)
    s.start(waiter)
    if s.r.chance(80):
        s.say("sleep 0")
    return waiter, futures, tasks


def gather(s):
    def body(items):
        errors = s.r.pick(["errors", "first"])
        return ([node(f"gather j0 {errors} {' '.join(items)}")] + s.wrapped([node("~await j0")])
                + [node(text) for text in s.pauses()])

    waiter, futures, tasks = _waiting_first(s, body)
    more = lambda: _endings(s, futures) + (["cancel j0"] if s.r.chance(25) else [])
    _rounds(s, [waiter, waiter] + tasks, more)
    s.say("state j0")


def shield(s):
    def body(items):
        return ([node(f"shield j0 {items[0]}")] + s.wrapped([node("~await j0")])
                + [node(text) for text in s.pauses()])

    waiter, futures, tasks = _waiting_first(s, body)
    more = lambda: _endings(s, futures) + (["cancel j0 m9"] if s.r.chance(25) else [])
    _rounds(s, [waiter, waiter] + tasks, more)
    s.say("state j0")


def wait(s):
    limit = s.r.pick(["none", "none", "none", s.delay(), 0])
    when = s.r.pick(["all", "first", "exception", "exception"])

    def body(items):
        waits = [node(f"wait {when} {limit} {' '.join(items)}") for _ in range(s.r.between(1, 2))]
        return s.wrapped(waits) + [node(text) for text in s.pauses()]

    waiter, futures, tasks = _waiting_first(s, body)
    busy = [f"busy {limit + 1}"] if isinstance(limit, int) and s.r.chance(50) else []

    def ops():
        if when == "exception" and s.r.chance(60):  # one that fails, while others go on
            return [f"~fail {s.r.pick(futures)} {s.number()}"] + busy
        return _endings(s, futures) + busy

    _rounds(s, [waiter] + tasks, ops)


def completed(s):
    limit = s.r.pick(["none", "none", s.delay(), 0])

    def body(items):
        form = s.r.pick(["plain", "async"])
        return s.wrapped([node(f"~completed {form} {limit} {s.r.pick([0, 0, 1, 2])} "
                               f"{' '.join(items)}")]) + [node(text) for text in s.pauses()]

    waiter, futures, tasks = _waiting_first(s, body)
    busy = [f"busy {limit + 1}"] if isinstance(limit, int) and s.r.chance(50) else []
    _rounds(s, [waiter] + tasks, lambda: _endings(s, futures) + busy)


def calls(s):
    """The order in which callbacks and tasks run that were scheduled together."""
    futures = _futures(s, 2)
    numbers = _line_up(s, 2, lambda: [node(f"await {s.r.pick(futures)}")])
    ops = []
    for _ in range(s.r.between(3, 6)):
        callback = s.add_callback(node(f"add n0 {s.number()}"), *map(node, _endings(s, futures)))
        s.handles += 1
        ops.append(s.r.pick([f"soon {callback} h{s.handles}", f"soon {callback} h{s.handles}",
                             f"callback {s.r.pick(futures)} {callback}",
                             f"later {callback} h{s.handles} {s.delay()}",
                             f"later {callback} h{s.handles} -{s.delay()}"]))
        if s.r.chance(20):
            ops.append(s.r.pick([f"drop h{s.handles}", f"uncallback {callback}"]))
    _rounds(s, numbers, lambda: ops[:] + _endings(s, futures), 1)
    s.say("sleep 0", "sleep 0")


def chain(s):
    """Tasks that wait for each other, cancelled anywhere in the chain."""
    s.declare("future f0")
    length = s.r.between(2, 5)
    for n in range(1, length + 1):
        target = f"t{n + 1}" if n < length else "f0"
        s.add_task(*s.wrapped([node(f"await {target}")]), *map(node, s.pauses(1)))
    s.start(*range(length, 0, -1))
    s.say(*["sleep 0"] * s.r.below(3))
    _rounds(s, list(range(1, length + 1)), lambda: _endings(s, ["f0"]))


KINDS = PRIMITIVES + [
    group, group, timeouts, timeouts, timeout_zero, wait_for, gather, shield, wait, wait, completed,
    calls, chain,
]


def storm_program(seed):
    s = Storm(seed)
    kind = s.r.pick(KINDS)
    kind(s)
    s.end()
    return s.program(f"storm {seed} {kind.__name__}")
