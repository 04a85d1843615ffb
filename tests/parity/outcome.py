"""How values, errors and the state of objects are written in a trace."""

import asyncio
import re


class Err(Exception):
    """A numbered error, raised by programs."""

    def __init__(self, number):
        super().__init__(number)
        self.number = number


class Nothing(Exception):
    """A statement had nothing to do; its text says why."""


def describe(error):
    if isinstance(error, Err):
        return f"E{error.number}"
    if isinstance(error, asyncio.CancelledError):
        return f"cancelled({error.args[0]})" if error.args and error.args[0] else "cancelled"
    if isinstance(error, BaseExceptionGroup):
        return "{" + ",".join(describe(e) for e in error.exceptions) + "}"
    return type(error).__name__


def show(value):
    if isinstance(value, BaseException):
        return describe(value)
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(show(v) for v in value) + "]"
    return str(value)


def state_of(future):
    """Asks everything that can be asked."""
    if not future.done():
        return "pending"
    try:
        error = future.exception()
    except asyncio.CancelledError as cancelled:
        return f"{describe(cancelled)} {future.cancelled()}"
    return show(future.result()) if error is None else describe(error)


def _bracket(item):
    text = repr(item)
    return text[text.rindex("["):-1]


def _queue_state(queue):
    """How many items, waiting tasks and unfinished items it has: "maxsize=2 _queue[1] tasks=1".

    The library counts those that wait; CPython also some that were cancelled and have not run."""
    text = re.sub(r"_queue=\[[^]]*\]", f"_queue[{queue.qsize()}]", queue._format())
    for name in ("_getters", "_putters"):
        waiting = sum(not future.done() for future in getattr(queue, name))
        text = re.sub(rf" {name}\[\d+\]", f" {name}[{waiting}]" if waiting else "", text)
    return text


def _queue_items(queue):
    """In the order in which get() would give them. Taking them could wake somebody."""
    items = list(queue._queue)
    if isinstance(queue, asyncio.PriorityQueue):
        items.sort()
    return show(items[::-1] if isinstance(queue, asyncio.LifoQueue) else items)


_ASKED = {
    "b": lambda barrier: [barrier.n_waiting, barrier.broken, _bracket(barrier)],
    "c": lambda condition: [condition.locked(), _bracket(condition)],
    "e": lambda event: [event.is_set(), _bracket(event)],
    "l": lambda lock: [lock.locked(), _bracket(lock)],
    "n": lambda counter: [counter],
    "q": lambda queue: [queue.full(), _queue_state(queue)],
    "s": lambda semaphore: [semaphore.locked(), _bracket(semaphore)],
}


def shown_object(name, item):
    """What a primitive, queue or counter tells of itself: what it answers, and its repr()."""
    return " ".join(str(answer) for answer in _ASKED[name[0]](item))


def object_state(machine):
    """Of primitives, queues and counters, by their names."""
    return [f"{name} {shown_object(name, item)}"
            for name, item in _sorted(machine.names) if name[0] in _ASKED]


def last_state(machine):
    """Of everything that ends, and what queues hold, by their names."""
    lines = []
    for name, item in _sorted(machine.names):
        if name[0] in "fjt":
            lines.append(f"{name} {state_of(item)}")
        elif name[0] == "q":
            lines.append(f"{name} {_queue_items(item)}")
        elif name[0] == "x":
            lines.append(f"{name} {item.expired()}")
    return lines


def _sorted(names):
    return sorted(names.items(), key=lambda pair: (pair[0][0], int(pair[0][1:])))
