"""The micro benchmark on asyncio, with whatever event loop is installed."""
import asyncio
import os
import random
import statistics
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple

Work = Callable[[int], Awaitable[int]]  # does about n operations, returns how many


# The harness: what a row is, how it is measured, and the command line.


class Figures(NamedTuple):
    """Nanoseconds per operation, or whatever else the row measures."""

    wall: float
    cpu: float
    operations: int


class Row(NamedTuple):
    n: int
    measure: Callable[[int], Awaitable[Figures]]


def check(right: bool, what: str) -> None:
    if not right:
        sys.exit(f"wrong result: {what}")


async def timed(work: Work, n: int) -> Figures:
    wall, cpu = time.perf_counter_ns(), time.process_time_ns()
    operations = await work(n)
    used_cpu, used_wall = time.process_time_ns() - cpu, time.perf_counter_ns() - wall
    return Figures(used_wall / operations, used_cpu / operations, operations)


def once(work: Work) -> Callable[[int], Awaitable[Figures]]:
    """For work too long to repeat."""
    return lambda n: timed(work, n)


def repeated(work: Work) -> Callable[[int], Awaitable[Figures]]:
    """A warm-up, then 3 to 15 repetitions, as many as 150 ms take; the medians."""

    async def measure(n: int) -> Figures:
        await work(n)
        enough = time.monotonic() + 0.150
        runs: list[Figures] = []
        while len(runs) < 3 or (len(runs) < 15 and time.monotonic() < enough):
            runs.append(await timed(work, n))
        wall, cpu, _ = (statistics.median(figures) for figures in zip(*runs))
        return Figures(wall, cpu, runs[0].operations)

    return measure


def peak_memory() -> int:
    # Not getrusage: its figure would start from that of the process that started this one.
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))


def main() -> int:
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    if wanted == "--list":
        print(*ROWS, sep="\n")
        return 0
    if wanted not in ROWS:
        print(f'no row "{wanted}"; there are:', *ROWS, file=sys.stderr)
        return 2
    row = ROWS[wanted]
    n = int(sys.argv[2]) if len(sys.argv) > 2 else row.n

    async def show() -> None:
        wall, cpu, operations = await row.measure(n)
        print(f"{wanted}\t{wall:.3f}\t{cpu:.3f}\t{operations}", flush=True)
        os._exit(0)  # asyncio.run would cancel and await what the memory row leaves behind

    asyncio.run(show())
    return 1


# The work.


async def one() -> int:
    return 1


async def yields(n: int) -> int:
    for _ in range(n):
        await asyncio.sleep(0)
    return n


async def fib(k: int) -> int:
    return k if k < 2 else await fib(k - 1) + await fib(k - 2)


async def await_ready(n: int) -> int:
    total = 0
    for _ in range(n):
        total += await one()
    check(total == n, "sum")
    return n


async def fib_calls(n: int) -> int:
    # fib(k) takes 2 * fib(k + 1) - 1 calls; k is the largest that takes no more than n.
    k, value, following = 0, 0, 1
    while 2 * (value + following) - 1 <= n:
        k, value, following = k + 1, following, value + following
    check(await fib(k) == value, "fib")
    return 2 * following - 1


async def create_task(n: int) -> int:
    total = 0
    for _ in range(n):
        total += await asyncio.create_task(one())
    check(total == n, "sum")
    return n


async def create_all(n: int) -> int:
    total = 0
    for task in [asyncio.create_task(one()) for _ in range(n)]:
        total += await task
    check(total == n, "sum")
    return n


async def yield_1(n: int) -> int:
    check(await asyncio.create_task(yields(n)) == n, "yields")
    return n


async def yield_1000(n: int) -> int:
    total = 0
    for task in [asyncio.create_task(yields(n // 1000)) for _ in range(1000)]:
        total += await task
    check(total == n // 1000 * 1000, "yields")
    return total


async def call_soon(n: int) -> int:
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    count = 0

    def add() -> None:
        nonlocal count
        count += 1

    def burst() -> None:
        if count >= n:
            done.set_result(None)
            return
        for _ in range(1000):
            loop.call_soon(add)
        loop.call_soon(burst)

    loop.call_soon(burst)
    await done
    check(n <= count < n + 1000, "count")
    return count


async def sleeps(n: int) -> int:
    fraction = random.Random(42).random  # randrange takes as long as half a call_later
    total = 0
    for task in [
        asyncio.create_task(asyncio.sleep(int(1000 * fraction()) / 1000, 1)) for _ in range(n)
    ]:
        total += await task
    check(total == n, "sum")
    return n


async def timer_cancel(n: int) -> int:
    loop = asyncio.get_running_loop()
    fraction = random.Random(42).random
    fired = 0

    def fire() -> None:
        nonlocal fired
        fired += 1

    timers = [loop.call_later(1 + int(1000 * fraction()) / 1000, fire) for _ in range(n)]
    for timer in timers:
        timer.cancel()
    await asyncio.sleep(0)
    check(fired == 0 and timers[-1].cancelled(), "cancelled timers")
    return n


async def threadsafe(n: int) -> int:
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    count = 0

    def add() -> None:
        nonlocal count
        count += 1
        if count == n:
            done.set_result(None)

    def post() -> None:
        for _ in range(n):
            loop.call_soon_threadsafe(add)

    poster = threading.Thread(target=post)
    poster.start()
    await done
    poster.join()
    check(count == n, "count")
    return n


async def to_thread(n: int) -> int:
    home = threading.get_ident()
    away = 0
    for _ in range(n):
        away += await asyncio.to_thread(threading.get_ident) != home
    check(away == n, "threads")
    return n


async def cancel(n: int) -> int:
    tasks = [asyncio.create_task(asyncio.sleep(100)) for _ in range(n)]
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    cancelled = 0
    for task in tasks:
        try:
            await task
        except asyncio.CancelledError:
            cancelled += 1
    check(cancelled == n, "cancelled tasks")
    return n


async def timeout(n: int) -> int:
    total = 0
    for _ in range(n):
        async with asyncio.timeout(10):
            total += await one()
    check(total == n, "sum")
    return n


class Counted:
    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.count = 0

    async def use(self, users: int, n: int) -> None:
        """One of so many users, none of whom may be more than a turn ahead of another."""
        for _ in range(n):
            await self.lock.acquire()
            self.count += 1
            self.lock.release()
        check(self.count > users * (n - 1), "turns")


async def lock_free(n: int) -> int:
    counted = Counted()
    await counted.use(1, n)
    check(counted.count == n, "count")
    return n


async def lock_handed(n: int) -> int:
    # Once all have queued up, every acquire waits: who releases the lock comes last in the line.
    counted = Counted()
    await counted.lock.acquire()
    tasks = [asyncio.create_task(counted.use(100, n // 100)) for _ in range(100)]
    await asyncio.sleep(0)
    counted.lock.release()
    for task in tasks:
        await task
    check(counted.count == n // 100 * 100, "count")
    return counted.count


async def put_all(queue: asyncio.Queue[int], n: int) -> None:
    for _ in range(n):
        await queue.put(1)


async def get_all(queue: asyncio.Queue[int], n: int) -> int:
    total = 0
    for _ in range(n):
        total += await queue.get()
    return total


async def through_queue(maxsize: int, pairs: int, n: int) -> int:
    queue: asyncio.Queue[int] = asyncio.Queue(maxsize)
    putters = [asyncio.create_task(put_all(queue, n // pairs)) for _ in range(pairs)]
    getters = [asyncio.create_task(get_all(queue, n // pairs)) for _ in range(pairs)]
    for putter in putters:
        await putter
    total = 0
    for getter in getters:
        total += await getter
    check(total == n // pairs * pairs, "sum")
    return total


async def queue_pingpong(n: int) -> int:
    return await through_queue(1, 1, n)


async def channel(n: int) -> int:
    return await through_queue(1024, 4, n)


async def event_set(n: int) -> int:
    event = asyncio.Event()
    count = 0

    async def wait() -> None:
        nonlocal count
        for _ in range(n // 1000):
            await event.wait()
            count += 1

    tasks = [asyncio.create_task(wait()) for _ in range(1000)]
    await asyncio.sleep(0)
    for i in range(n // 1000):
        event.set()
        event.clear()
        await asyncio.sleep(0)
        check(count == (i + 1) * 1000, "woken tasks")
    for task in tasks:
        await task
    return count


async def memory(n: int) -> Figures:
    before = peak_memory()
    tasks = [asyncio.create_task(asyncio.sleep(100)) for _ in range(n)]
    await asyncio.sleep(0)
    each = (peak_memory() - before) / len(tasks)
    return Figures(each, each, n)


ROWS = {
    "await_ready": Row(200_000, repeated(await_ready)),
    "fib": Row(242_785, repeated(fib_calls)),
    "create_task": Row(20_000, repeated(create_task)),
    "create_all": Row(20_000, repeated(create_all)),
    "yield_1": Row(40_000, repeated(yield_1)),
    "yield_1000": Row(80_000, repeated(yield_1000)),
    "call_soon": Row(100_000, repeated(call_soon)),
    "sleeps": Row(50_000, once(sleeps)),
    "timer_cancel": Row(20_000, repeated(timer_cancel)),
    "threadsafe": Row(20_000, repeated(threadsafe)),
    "to_thread": Row(1_000, repeated(to_thread)),
    "cancel": Row(5_000, repeated(cancel)),
    "timeout": Row(20_000, repeated(timeout)),
    "lock_free": Row(200_000, repeated(lock_free)),
    "lock_handed": Row(20_000, repeated(lock_handed)),
    "queue_pingpong": Row(10_000, repeated(queue_pingpong)),
    "channel": Row(100_000, repeated(channel)),
    "event_set": Row(20_000, repeated(event_set)),
    "memory": Row(100_000, memory),
}

if __name__ == "__main__":
    sys.exit(main())
