"""asyncio's children, pipes and process pool, and its usual way to read a file."""
import asyncio
import concurrent.futures
import os
import sys

import micro
from micro import Row, once, repeated

MEBIBYTE = 1 << 20


async def spawn(n: int) -> int:
    for _ in range(n):
        process = await asyncio.create_subprocess_exec("/bin/true")
        assert await process.wait() == 0
    return n


async def pipe(n: int) -> int:
    cat = await asyncio.create_subprocess_exec(
        "/bin/cat", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
    piece = b"x" * MEBIBYTE

    async def write() -> None:
        for _ in range(n):
            cat.stdin.write(piece)
            await cat.stdin.drain()
        cat.stdin.close()

    async def read() -> None:
        got = 0
        while data := await cat.stdout.read(MEBIBYTE):
            got += len(data)
        assert got == n * MEBIBYTE

    await asyncio.gather(read(), write())
    assert await cat.wait() == 0
    return n


def same(job: bytes) -> bytes:
    return job


async def pool(n: int) -> int:
    loop = asyncio.get_running_loop()
    job = b"x" * 64
    with concurrent.futures.ProcessPoolExecutor(1) as executor:
        await loop.run_in_executor(executor, same, job)
        for _ in range(n):
            assert await loop.run_in_executor(executor, same, job) == job
    return n


def read_file(piece: int):
    async def work(n: int) -> int:
        with open(os.environ["BENCH_FILE"], "rb", buffering=0) as file:
            while await asyncio.to_thread(file.read, piece):
                pass
        return n
    return work


ROWS = {
    "spawn": Row(100, repeated(spawn)),
    "pipe": Row(1024, once(pipe)),
    "pool": Row(1000, repeated(pool)),
    "file_1m": Row(1024, once(read_file(MEBIBYTE))),
    "file_64k": Row(1024, once(read_file(MEBIBYTE // 16))),
}

if __name__ == "__main__":
    micro.ROWS = ROWS
    sys.exit(micro.main())
