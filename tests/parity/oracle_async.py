"""The statements that await, and those that contain others."""

import asyncio
import contextlib

from outcome import Err, describe, show

_RETURN_WHEN = {
    "all": asyncio.ALL_COMPLETED,
    "first": asyncio.FIRST_COMPLETED,
    "exception": asyncio.FIRST_EXCEPTION,
}


def _delay(word):
    return None if word == "none" else int(word)


async def _sleep(m, node):
    await asyncio.sleep(int(node.words[1]))


async def _await(m, node):
    return await m.get(node.words[1])


async def _call(m, node):
    return await m.coroutine(node.words[1], False)


async def _wait(m, node):
    w = node.words
    futures = m.awaitables(w[3:])
    names = {}
    for name, future in zip(w[3:], futures):
        names.setdefault(future, name)
    done, pending = await asyncio.wait(futures, timeout=_delay(w[2]),
                                       return_when=_RETURN_WHEN[w[1]])
    return [[names[f] for f in done], [names[f] for f in pending]]


async def _wait_for(m, node):
    (awaitable,) = m.awaitables(node.words[2:3], root=False)  # it runs in this task
    return await asyncio.wait_for(awaitable, _delay(node.words[1]))


async def _cwait_for(m, node):
    _, condition, counter, least = node.words

    def enough():
        result = m.names.get(counter, 0) >= int(least)
        m.trace(node, f"asks {result}")
        return result

    return await m.get(condition).wait_for(enough)


async def _next(m, node):
    try:
        return await anext(m.generator(node.words[1]))
    except StopAsyncIteration:
        return "stop"


async def _athrow(m, node):
    try:
        value = await m.generator(node.words[1]).athrow(Err(int(node.words[2])))
    except StopAsyncIteration:
        return "stop"
    return "stop" if value is None else value  # CPython gives None if it had ended before


ASYNC_OPS = {
    "abort": lambda m, n: m.get(n.words[1]).abort(),
    "aclose": lambda m, n: m.generator(n.words[1]).aclose(),
    "acquire": lambda m, n: m.get(n.words[1]).acquire(),
    "athrow": _athrow,
    "await": _await,
    "barrier": lambda m, n: m.get(n.words[1]).wait(),
    "call": _call,
    "cwait": lambda m, n: m.get(n.words[1]).wait(),
    "cwaitfor": _cwait_for,
    "get": lambda m, n: m.get(n.words[1]).get(),
    "join": lambda m, n: m.get(n.words[1]).join(),
    "next": _next,
    "put": lambda m, n: m.get(n.words[1]).put(int(n.words[2])),
    "reset": lambda m, n: m.get(n.words[1]).reset(),
    "sleep": _sleep,
    "wait": _wait,
    "waitevent": lambda m, n: m.get(n.words[1]).wait(),
    "waitfor": _wait_for,
}


# --- statements that contain others; each returns True if a `return` was met ---


async def _managed(m, node, frame, manager, outcome):
    try:
        async with manager:
            m.trace(node, "enter")
            returned = await m.block(node.nodes, frame)
    except BaseException as error:
        m.trace(node, outcome(describe(error)))
        if node.quiet and isinstance(error, Exception):
            return False
        raise
    m.trace(node, outcome("leave"))
    return returned


async def _group(m, node, frame):
    group = m.names[node.words[1]] = asyncio.TaskGroup()
    return await _managed(m, node, frame, group, str)


async def _timeout(m, node, frame):
    timeout = m.names[node.words[1]] = asyncio.timeout(_delay(node.words[2]))
    return await _managed(m, node, frame, timeout, lambda text: f"{text} {timeout.expired()}")


async def _hold(m, node, frame):
    return await _managed(m, node, frame, m.get(node.words[1]), str)


async def _guard(m, node, frame):
    """As _hold(), but that a destructor cannot tell that somebody else has released it."""
    held = m.get(node.words[1])
    try:
        await held.acquire()
        try:
            m.trace(node, "enter")
            returned = await m.block(node.nodes, frame)
        finally:
            with contextlib.suppress(RuntimeError, ValueError):
                held.release()
    except BaseException as error:
        m.trace(node, describe(error))
        if node.quiet and isinstance(error, Exception):
            return False
        raise
    m.trace(node, "leave")
    return returned


async def _repeat(m, node, frame):
    for _ in range(int(node.words[1])):
        if await m.block(node.nodes, frame):
            return True
    return False


async def _try(m, node, frame):
    parts = {part.op: part for part in node.nodes}
    try:
        try:
            return await m.block(_nodes(parts, "body"), frame)
        except asyncio.CancelledError as error:
            if "cancelled" not in parts:
                raise
            return await _handler(m, parts["cancelled"], frame, error)
        except Exception as error:
            if "error" not in parts:
                raise
            return await _handler(m, parts["error"], frame, error)
    finally:
        if "finally" in parts:
            m.trace(parts["finally"], "enter")
            await m.block(parts["finally"].nodes, frame)


def _nodes(parts, name):
    return parts[name].nodes if name in parts else ()


async def _handler(m, part, frame, error):
    m.trace(part, describe(error))
    outer, frame.caught = frame.caught, error
    try:
        return await m.block(part.nodes, frame)
    finally:
        frame.caught = outer


async def _reraise(m, node, frame):
    m.trace(node, "none" if frame.caught is None else describe(frame.caught))
    if frame.caught is not None:
        raise frame.caught
    return False


async def _return(m, node, frame):
    frame.value = int(node.words[1])
    m.trace(node, "ok")
    return True


async def _completed(m, node, frame):
    form, timeout, most = node.words[1:4]
    futures = m.awaitables(node.words[4:])
    each = _each_plain if form == "plain" else _each_async
    try:
        await each(m, node, asyncio.as_completed(futures, timeout=_delay(timeout)), int(most))
    except BaseException as error:
        m.trace(node, describe(error))
        if node.quiet and isinstance(error, Exception):
            return False
        raise
    m.trace(node, "leave")
    return False


async def _each_plain(m, node, completed, most):
    for one in completed:
        m.trace(node, await _outcome(one))
        most -= 1
        if most == 0:
            break


async def _each_async(m, node, completed, most):
    async for future in completed:
        m.trace(node, _name_of(m, future))
        most -= 1
        if most == 0:
            break


async def _outcome(awaitable):
    try:
        return show(await awaitable)
    except Exception as error:
        return describe(error)


def _name_of(m, future):
    return next((n for n, item in m.names.items() if item is future and n[0] in "tfj"), "?")


async def _iterate(m, node, frame):
    generator = m.generator(node.words[1])
    most = int(node.words[2])
    try:
        async for value in generator:
            m.trace(node, show(value))
            most -= 1
            if most == 0:
                break
    except BaseException as error:
        m.trace(node, describe(error))
        if node.quiet and isinstance(error, Exception):
            return False
        raise
    m.trace(node, "leave")
    return False


FLOW_OPS = {
    "completed": _completed,
    "group": _group,
    "guard": _guard,
    "hold": _hold,
    "iterate": _iterate,
    "repeat": _repeat,
    "reraise": _reraise,
    "return": _return,
    "timeout": _timeout,
    "try": _try,
}
