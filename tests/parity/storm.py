"""The profile `storm`: several tasks wait for one thing, and in one iteration of the loop it is
released, put, notified, set, timed out and cancelled, in every order.

Programs of the other profile hardly ever cancel a task that was woken and has not run yet: that is
where a wake-up gets lost, a lock stays with nobody and a cancellation is swallowed.
"""

from program import Program, node
from prng import Random


class Storm:
    """One program in the making."""

    def __init__(self, seed):
        self.r = Random(seed ^ 0x5704)
        self.objects = []
        self.main = []
        self.bodies = []
        self.tasks = 0
        self.callbacks = 0
        self.handles = 0
        self.numbers = 0

    def number(self):
        self.numbers += 1
        return self.numbers

    def delay(self):
        return self.r.between(1, 10**12)

    def declare(self, text):
        self.objects.append(node(text))

    def add_task(self, *nodes):
        """The number of a new task body."""
        self.tasks += 1
        self.bodies.append(node(f"task t{self.tasks}", *nodes))
        return self.tasks

    def add_callback(self, *nodes):
        name = f"d{self.callbacks}"
        self.callbacks += 1
        self.bodies.append(node(f"callback {name}", *nodes))
        return name

    def say(self, *texts):
        self.main += [node(text) for text in texts]

    def start(self, *numbers):
        for n in numbers:
            self.say(f"eager p{n}" if self.r.chance(8) else f"spawn p{n}")

    # --- pieces ---

    def cancel(self, number):
        message = f" m{self.number()}" if self.r.chance(30) else ""
        return f"cancel t{number}{message}"

    def cancels(self, numbers):
        """Of some of them, of one perhaps twice."""
        return [self.cancel(n) for n in numbers if self.r.chance(45)] + (
            [self.cancel(self.r.pick(numbers))] if self.r.chance(30) else [])

    def pause(self):
        return "sleep 0" if self.r.chance(70) else f"sleep {self.delay()}"

    def pauses(self, most=2):
        return [self.pause() for _ in range(self.r.below(most + 1))]

    def strike(self, ops):
        """All of it in one iteration, or nearly, in any order; some of it in a callback."""
        self.r.shuffle(ops)
        if len(ops) > 1 and self.r.chance(25):
            cut = self.r.below(len(ops))
            self.handles += 1
            self.soon(self.add_callback(*(node(op) for op in ops[cut:])))
            ops = ops[:cut]
        for op in ops:
            self.say(op)
            if self.r.chance(15):
                self.show()
            if self.r.chance(12):
                self.say("sleep 0")

    def show(self):
        shown = [n.words[1] for n in self.objects if n.op != "future"]
        if shown:
            self.say(f"show {self.r.pick(shown)}")

    def holding(self):
        return "guard" if self.r.chance(40) else "hold"

    def soon(self, callback):
        self.handles += 1
        self.say(f"soon {callback} h{self.handles}")

    def wrapped(self, nodes):
        """Waits in the ways of a careful and a careless user."""
        choice = self.r.below(10)
        if choice < 4:
            return nodes
        if choice < 6:  # swallows the cancellation and goes on
            return [node("try", node("body", *nodes), node("cancelled", node(self.pause())))]
        if choice < 8:
            parts = [node("body", *nodes), node("finally", node(self.pause()))]
            if self.r.chance(50):
                parts.insert(1, node("cancelled", node("sleep 0"), node("reraise")))
            return [node("try", *parts)]
        return [node(f"~timeout x{self.number()} {self.delay()}", *nodes)]

    def end(self):
        self.say(f"sleep {self.delay()}")
        for n in range(1, self.tasks + 1):
            if self.r.chance(20):
                self.say(f"state t{n}")

    def program(self, title):
        return Program(title, self.objects + [node("run", *self.main)] + self.bodies)


def _line_up(s, count, make):
    """Tasks that wait in a line. Returns their numbers."""
    numbers = [s.add_task(*s.wrapped(make())) for _ in range(count)]
    s.start(*numbers)
    s.say("sleep 0")
    return numbers


def _rounds(s, numbers, ops, most=3):
    for _ in range(s.r.between(1, most)):
        s.strike(ops() + s.cancels(numbers))
        s.say(*s.pauses())


# --- primitives ---


def lock(s):
    s.declare("lock l0")
    s.say("acquire l0")

    def waiter():
        if s.r.chance(70):
            return [node(f"~{s.holding()} l0", *map(node, s.pauses(1)))]
        return [node("acquire l0"), *map(node, s.pauses(1)), node("~release l0")]

    numbers = _line_up(s, s.r.between(2, 5), waiter)
    _rounds(s, numbers, lambda: ["~release l0"] + (["~release l0"] if s.r.chance(15) else []))
    if s.r.chance(50):
        s.say("acquire l0", "~release l0")


def semaphore(s):
    value = s.r.below(3)
    s.declare(f"semaphore s0 {value}")
    _permits(s, value)


def bounded(s):
    value = s.r.between(1, 3)
    s.declare(f"bounded s0 {value}")
    _permits(s, value)


def _permits(s, value):
    s.say(*["acquire s0"] * value)

    def waiter():
        if s.r.chance(40):
            return [node(f"~{s.holding()} s0", *map(node, s.pauses(1)))]
        end = [] if s.r.chance(40) else [node("~release s0")]
        return [node("acquire s0"), *map(node, s.pauses(1)), *end]

    numbers = _line_up(s, s.r.between(2, 5), waiter)
    _rounds(s, numbers, lambda: ["~release s0"] * s.r.between(1, 3))
    if s.r.chance(30):
        s.say("~waitfor 1000 p%d" % s.add_task(node("acquire s0")))


def condition(s):
    shared = s.r.chance(30)
    s.declare("lock l0")
    s.declare("condition c0 l0" if shared else "condition c0")
    other = "c0"
    if shared and s.r.chance(50):
        s.declare("condition c1 l0")
        other = "c1"

    def waiter():
        name = other if s.r.chance(30) else "c0"
        wait = f"cwaitfor {name} n0 {s.r.between(1, 2)}" if s.r.chance(30) else f"cwait {name}"
        return [node(f"{s.holding()} {name}", node(wait), *map(node, s.pauses(1)))]

    numbers = _line_up(s, s.r.between(2, 5), waiter)
    for _ in range(s.r.between(1, 3)):
        outside = s.main
        s.main = []
        notify = [f"notify c0 {s.r.between(1, 2)}" if s.r.chance(80) else "notifyall c0"]
        s.strike(notify + ["add n0 1"] * s.r.below(2) + s.cancels(numbers))
        s.say(*s.pauses(1))
        outside.append(node(f"~{s.holding()} c0", *s.main))
        s.main = outside
        s.strike(s.cancels(numbers))
        s.say(*s.pauses())
    if s.r.chance(40):
        s.say("~notify c0 1")


def event(s):
    s.declare("event e0")
    numbers = _line_up(s, s.r.between(2, 5), lambda: [node("waitevent e0")])
    _rounds(s, numbers, lambda: ["setevent e0"] + (["clear e0"] if s.r.chance(50) else []))


def barrier(s):
    parties = s.r.between(2, 4)
    s.declare(f"barrier b0 {parties}")

    def waiter():
        if s.r.chance(15):
            return [node("~repeat 2", node("~barrier b0"))]
        return [node("~barrier b0")]

    numbers = _line_up(s, s.r.between(1, parties + 1), waiter)
    for _ in range(s.r.between(1, 3)):
        late = s.add_task(*s.wrapped(waiter()))
        ops = [f"spawn p{late}"] + s.cancels(numbers)
        s.strike(ops)
        if s.r.chance(30):
            s.say(s.r.pick(["reset b0", "abort b0"]))
        numbers.append(late)
        s.say(*s.pauses())
    s.start(*(s.add_task(node("~barrier b0")) for _ in range(s.r.below(parties + 1))))
    if s.r.chance(20):
        s.say("~reset b0")


def _kind(s):
    return s.r.pick(["fifo", "fifo", "lifo", "priority"])


def get(s):
    s.declare(f"queue q0 {_kind(s)} {s.r.below(3)}")

    def waiter():
        gets = [node("~get q0") for _ in range(s.r.between(1, 2))]
        return gets + ([node("~taskdone q0")] if s.r.chance(30) else [])

    numbers = _line_up(s, s.r.between(2, 5), waiter)

    def ops():
        puts = [f"~putnow q0 {s.number()}" for _ in range(s.r.between(1, 3))]
        if s.r.chance(20):
            puts.append("~getnow q0")
        return puts + _maybe_shutdown(s)

    _rounds(s, numbers, ops)


def put(s):
    size = s.r.between(1, 2)
    s.declare(f"queue q0 {_kind(s)} {size}")
    s.say(*(f"putnow q0 {s.number()}" for _ in range(size)))
    numbers = _line_up(s, s.r.between(2, 5), lambda: [node(f"~put q0 {s.number()}")])

    def ops():
        gets = ["~getnow q0"] * s.r.between(1, 2)
        if s.r.chance(20):
            gets.append(f"~putnow q0 {s.number()}")
        return gets + _maybe_shutdown(s)

    _rounds(s, numbers, ops)


def _maybe_shutdown(s):
    if not s.r.chance(8):
        return []
    return ["shutdown q0 now" if s.r.chance(50) else "shutdown q0"]


def join(s):
    s.declare(f"queue q0 {_kind(s)} 0")
    items = s.r.between(1, 3)
    s.say(*(f"putnow q0 {s.number()}" for _ in range(items)))
    numbers = _line_up(s, s.r.between(1, 3), lambda: [node("join q0")])
    worker = s.add_task(node(f"repeat {items}", node("~get q0"), *map(node, s.pauses(1)),
                             node("~taskdone q0")))
    s.start(worker)

    def ops():
        more = [f"~putnow q0 {s.number()}"] if s.r.chance(40) else []
        return more + ["~taskdone q0"] * s.r.below(2) + _maybe_shutdown(s)

    _rounds(s, numbers, ops)


PRIMITIVES = [lock, semaphore, bounded, condition, event, barrier, get, put, join]
