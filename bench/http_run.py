"""One run of a client or a server of HTTP: the server on one CPU, the client on another."""
import os
import time

from http_rows import Program, Row
from measure import CPU, Failed, Sample
from net_run import PATIENCE, Asker, Bench, resident, serving, usage, wrk

CLIENT_CPU = min(os.sched_getaffinity(0))
QUIET = 0.2  # seconds


def asker(bench: Bench, client: Program, row: Row, port: int, path: str, amount: str) -> Asker:
    return Asker(client.command(port, path, row.requests, row.connections, amount), bench.fifo,
                 bench.environment | client.environment(), CLIENT_CPU)


def client(bench: Bench, program: Program, responder: Program, row: Row) -> Sample:
    with serving(bench, responder, "", bench.fifo) as (_, port), \
            asker(bench, program, row, port, "/", f"{bench.seconds}s") as asking:
        before = usage(asking.process.pid)
        said = asking.run()
        after = usage(asking.process.pid)
    if said["operations"] == 0:
        raise Failed(f"{program.name}: no answer")
    return Sample(said["nanoseconds"] / said["operations"],
                  (after.busy - before.busy) / said["operations"])


def server(bench: Bench, program: Program, row: Row) -> Sample:
    with serving(bench, program, "", bench.fifo) as (pid, port):
        before = usage(pid)
        answered = wrk(bench, row.connections, port, CLIENT_CPU)
        after = usage(pid)
    return Sample(1e9 / answered.per_second, (after.busy - before.busy) / answered.requests)


def elapsed(bench: Bench, program: Program, responder: Program, row: Row) -> float:
    """Seconds for that many slow requests."""
    amount = f"{row.requests}{'w' if row.warm else ''}"
    with serving(bench, responder, "", bench.fifo) as (_, port), \
            asker(bench, program, row, port, "/slow", amount) as asking:
        return asking.run()["nanoseconds"] / 1e9


def wait_until_quiet(pid: int, files: int) -> None:
    """Until the process has so many files open, and does nothing."""
    end = time.monotonic() + PATIENCE
    busy = 0
    while time.monotonic() < end:
        time.sleep(QUIET)
        before, busy = busy, usage(pid).busy
        if busy == before and len(os.listdir(f"/proc/{pid}/fd")) >= files:
            return
    raise Failed(f"no {files:,} connections after {PATIENCE} s")


def memory(bench: Bench, program: Program, responder: Program, row: Row) -> float:
    """Bytes by which the client grows for a request to which there is no answer yet."""
    with serving(bench, responder, "", bench.fifo) as (_, port), \
            asker(bench, program, row, port, "/never", str(row.requests)) as asking:
        pid = asking.process.pid
        before = resident(pid)
        asking.begin()
        wait_until_quiet(pid, row.requests)
        return (resident(pid) - before) / row.requests
