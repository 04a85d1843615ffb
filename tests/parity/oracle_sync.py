"""The statements that do not await, and the objects that programs declare."""

import asyncio
import contextvars

from outcome import Err, Nothing, shown_object, state_of

_variables = [contextvars.ContextVar(f"v{i}", default=0) for i in range(4)]


def make_object(m, words):
    kind, rest = words[0], words[2:]
    if kind == "lock":
        return asyncio.Lock()
    if kind == "event":
        return asyncio.Event()
    if kind == "future":
        return m.loop.create_future()
    if kind == "condition":
        return asyncio.Condition(m.names[rest[0]] if rest else None)
    if kind == "semaphore":
        return asyncio.Semaphore(int(rest[0]))
    if kind == "bounded":
        return asyncio.BoundedSemaphore(int(rest[0]))
    if kind == "barrier":
        return asyncio.Barrier(int(rest[0]))
    queues = {"fifo": asyncio.Queue, "lifo": asyncio.LifoQueue, "priority": asyncio.PriorityQueue}
    return queues[rest[0]](int(rest[1]))


# --- futures and tasks ---


def _cancel(m, w):
    return m.get(w[1]).cancel(*w[2:])


def _state(m, w):
    return state_of(m.get(w[1]))


def _show(m, w):
    return shown_object(w[1], m.get(w[1]))


def _set(m, w):
    m.get(w[1]).set_result(int(w[2]))


def _fail(m, w):
    m.get(w[1]).set_exception(Err(int(w[2])))


def _callback(m, w):
    def called(future):
        m.call_back(w[2])

    future = m.get(w[1])
    m.registered[w[2]] = (future, called)
    future.add_done_callback(called)


def _uncallback(m, w):
    if w[1] not in m.registered:
        raise Nothing("none")
    future, called = m.registered[w[1]]
    return future.remove_done_callback(called) > 0


def _spawn(m, w):
    context = m.get(w[2]) if len(w) > 2 else None
    (coro,) = m.awaitables(w[1:2])
    m.names["t" + w[1][1:]] = m.loop.create_task(coro, name="t" + w[1][1:], context=context)


def _eager(m, w):
    (coro,) = m.awaitables(w[1:2])
    m.names["t" + w[1][1:]] = m.loop.create_eager_task(coro, "t" + w[1][1:])


def _gspawn(m, w):
    group = m.get(w[1])
    (coro,) = m.awaitables(w[2:3])
    m.names["t" + w[2][1:]] = group.create_task(coro, name="t" + w[2][1:])


def _gather(m, w):
    errors = w[2] == "errors"
    m.names[w[1]] = asyncio.gather(*m.awaitables(w[3:]), return_exceptions=errors)


def _shield(m, w):
    m.names[w[1]] = asyncio.shield(*m.awaitables(w[2:3]))


# --- the loop, contexts ---


def _soon(m, w):
    context = m.get(w[3]) if len(w) > 3 else None
    m.names[w[2]] = m.loop.call_soon(m.call_back, w[1], context=context)


def _later(m, w):
    m.names[w[2]] = m.loop.call_later(int(w[3]), m.call_back, w[1])


def _busy(m, w):
    m.loop.now += int(w[1])


def _reschedule(m, w):
    m.get(w[1]).reschedule(None if w[2] == "none" else m.loop.time() + int(w[2]))


def _setvar(m, w):
    _variables[int(w[1][1:])].set(int(w[2]))


def _getvar(m, w):
    return _variables[int(w[1][1:])].get()


def _copy(m, w):
    m.names[w[1]] = contextvars.copy_context()


def _add(m, w):
    m.names[w[1]] = m.names.get(w[1], 0) + int(w[2])


# --- primitives and queues ---


def _release(m, w):
    m.get(w[1]).release()


def _notify(m, w):
    m.get(w[1]).notify(int(w[2]))


def _shutdown(m, w):
    m.get(w[1]).shutdown(immediate=len(w) > 2)


def _raise(m, w):
    raise Err(int(w[1]))


def _raise_cancelled(m, w):
    raise asyncio.CancelledError(*w[1:])


SYNC_OPS = {
    "add": _add,
    "busy": _busy,
    "callback": _callback,
    "cancel": _cancel,
    "clear": lambda m, w: m.get(w[1]).clear(),
    "copy": _copy,
    "drop": lambda m, w: m.get(w[1]).cancel(),
    "eager": _eager,
    "fail": _fail,
    "gather": _gather,
    "getnow": lambda m, w: m.get(w[1]).get_nowait(),
    "getvar": _getvar,
    "gspawn": _gspawn,
    "later": _later,
    "notify": _notify,
    "notifyall": lambda m, w: m.get(w[1]).notify_all(),
    "putnow": lambda m, w: m.get(w[1]).put_nowait(int(w[2])),
    "raise": _raise,
    "raisecancelled": _raise_cancelled,
    "release": _release,
    "reschedule": _reschedule,
    "set": _set,
    "setevent": lambda m, w: m.get(w[1]).set(),
    "setvar": _setvar,
    "shield": _shield,
    "show": _show,
    "shutdown": _shutdown,
    "soon": _soon,
    "spawn": _spawn,
    "state": _state,
    "taskdone": lambda m, w: m.get(w[1]).task_done(),
    "uncallback": _uncallback,
    "uncancel": lambda m, w: m.get(w[1]).uncancel(),
}
