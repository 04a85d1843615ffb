"""A client of the benchmark of HTTP on httpx; bench/http/plan.hpp says what it is asked."""
import asyncio
import sys
import time
from collections.abc import Callable

import httpx

BODY_SIZE = 100


async def ask(client: httpx.AsyncClient, url: str, take: Callable[[], bool]) -> int:
    answered = 0
    while take():
        answer = await client.get(url)
        if answer.status_code != 200 or len(answer.content) != BODY_SIZE:
            sys.exit(f"an answer with status {answer.status_code}")
        answered += 1
    return answered


def at_most(requests: int) -> Callable[[], bool]:
    left = iter(range(requests))
    return lambda: next(left, None) is not None


async def main(port: str, path: str, tasks: int, connections: int, amount: str) -> None:
    origin = f"http://127.0.0.1:{port}"
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
    async with httpx.AsyncClient(limits=limits, timeout=60) as client:
        async def ask_all(url: str, take: Callable[[], bool]) -> int:
            return sum(await asyncio.gather(*(ask(client, url, take) for _ in range(tasks))))

        timed = amount.endswith("s")
        await ask_all(f"{origin}/", at_most(tasks if amount.endswith(("s", "w")) else 1))
        print("READY", flush=True)
        sys.stdin.readline()
        began = time.monotonic_ns()
        until = began + float(amount[:-1]) * 1e9 if timed else 0
        requests = at_most(0 if timed else int(amount.removesuffix("w")))
        take = (lambda: time.monotonic_ns() < until) if timed else requests
        answered = await ask_all(origin + path, take)
        print(f'{{"operations": {answered}, "nanoseconds": {time.monotonic_ns() - began}}}',
              flush=True)
        sys.stdin.readline()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5]))
