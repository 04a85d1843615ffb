"""One run of a server under load: both on one CPU, and what the server needed of it."""
import contextlib
import json
import os
import re
import resource
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, Self

from measure import CPU, Failed, environment
from net_rows import Row, Server

PATIENCE = 60  # seconds
CALLS = 2_000  # operations while system calls are counted


@dataclass(frozen=True)
class Bench:
    """What all runs have in common."""
    load: str
    seconds: float
    fifo: bool
    environment: dict[str, str]


class Sample(NamedTuple):
    operations: int
    busy: int  # nanoseconds of CPU time, the server's
    user: int  # of it, in clock ticks: a sample, to be added up over many runs
    system: int

    def cost(self) -> float:
        return self.busy / self.operations


class Usage(NamedTuple):
    busy: int
    user: int
    system: int


def usage(pid: int) -> Usage:
    """Of all threads, also those that have ended."""
    busy = time.clock_gettime_ns(~pid << 3 | 2)  # clock_getcpuclockid(), which Python lacks
    with open(f"/proc/{pid}/stat", encoding="utf-8") as text:
        fields = text.read().rpartition(") ")[2].split()
    return Usage(busy, int(fields[11]), int(fields[12]))


def resident(pid: int) -> int:
    with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as text:
        return int(re.search(r"^Rss:\s+(\d+) kB", text.read(), re.MULTILINE)[1]) * 1024


def settle(fifo: bool, cpu: int = CPU) -> None:
    """In a child: its CPU; run until it waits, if that is allowed; as many files as are allowed."""
    os.sched_setaffinity(0, {cpu})
    if fifo:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def fifo_allowed() -> bool:
    try:
        subprocess.run(["true"], check=True, preexec_fn=lambda: settle(True))
    except (OSError, subprocess.SubprocessError):
        return False
    return True


def start(command: list[str], fifo: bool, cpu: int = CPU, **more) -> subprocess.Popen:
    try:
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True,
                                preexec_fn=lambda: settle(fifo, cpu), **more)
    except OSError as error:
        raise Failed(f"{command[0]}: {error.strerror}") from None


def line_of(process: subprocess.Popen, beginning: str) -> str:
    """What follows in the next line, which must begin so."""
    ready, _, _ = select.select([process.stdout], [], [], PATIENCE)
    line = process.stdout.readline() if ready else ""
    if not line.startswith(beginning):
        raise Failed(f"{' '.join(process.args)}: {line.strip()!r} instead of {beginning!r}")
    return line[len(beginning):].strip()


def stop(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextlib.contextmanager
def serving(bench: Bench, server: Server, mode: str, fifo: bool,
            cpu: int = CPU) -> Iterator[tuple[int, int]]:
    """Process and port."""
    with tempfile.TemporaryFile("w+") as errors:
        process = start(server.command(mode), fifo, cpu, stderr=errors,
                        env=bench.environment | server.environment())
        with process:
            try:
                yield process.pid, int(line_of(process, "PORT "))
            except (OSError, Failed) as error:
                errors.seek(0)
                said = errors.read().strip().splitlines()
                last = f"; it says {said[-1]!r}" if said else ""
                raise Failed(f"{server.name}: {error}{last}") from None
            finally:
                stop(process)


class Asker:
    """A program that says READY, and begins when it gets a line."""

    def __init__(self, command: list[str], fifo: bool, environment: dict[str, str],
                 cpu: int = CPU) -> None:
        self.process = start(command, fifo, cpu, stdin=subprocess.PIPE, env=environment)

    def __enter__(self) -> Self:
        try:
            line_of(self.process, "READY")
        except Failed:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_) -> None:
        stop(self.process)
        self.process.stdin.close()
        self.process.stdout.close()

    def begin(self) -> None:
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def run(self) -> dict[str, float]:
        """Returns what it says at the end; its connections stay."""
        self.begin()
        return json.loads("{" + line_of(self.process, "{"))


class Load(Asker):
    """net/load.cpp, connected."""

    def __init__(self, bench: Bench, row: Row, port: int, fifo: bool, amount: str) -> None:
        super().__init__([bench.load, row.load, str(port), str(row.connections), str(row.bytes),
                          amount], fifo, bench.environment)


class Answered(NamedTuple):
    requests: int
    per_second: float


def wrk(bench: Bench, connections: int, port: int, cpu: int = CPU) -> Answered:
    command = ["wrk", "-t1", f"-c{connections}", "-d1s", f"http://127.0.0.1:{port}/"]
    process = start(command, bench.fifo, cpu, env=bench.environment)
    try:
        text = process.communicate(timeout=PATIENCE)[0]
    except subprocess.TimeoutExpired:
        raise Failed(f"wrk: not over after {PATIENCE} s") from None
    finally:
        stop(process)
    found = re.search(r"(\d+) requests in(?s:.*)^Requests/sec:\s+([\d.]+)", text, re.MULTILINE)
    wrong = re.search(r"Non-2xx.*|Socket errors: (?!connect 0, read 0, write 0).*", text)
    if not found or int(found[1]) == 0 or wrong:
        raise Failed(wrong[0] if wrong else f"wrk: {text.strip()!r}")
    return Answered(int(found[1]), float(found[2]))


def rate(bench: Bench, server: Server, row: Row) -> Sample:
    with serving(bench, server, row.mode, bench.fifo) as (pid, port):
        if row.load == "wrk":
            before = usage(pid)
            operations = wrk(bench, row.connections, port).requests
            after = usage(pid)
        else:
            with Load(bench, row, port, bench.fifo, f"{bench.seconds}s") as load:
                before = usage(pid)
                operations = load.run()["operations"]
                after = usage(pid)
    return Sample(operations, *(b - a for a, b in zip(before, after, strict=True)))


def calls(bench: Bench, server: Server, row: Row) -> float:
    """System calls of an operation."""
    with serving(bench, server, row.mode, False) as (pid, port), \
            Load(bench, row, port, False, str(CALLS)) as load, \
            tempfile.NamedTemporaryFile("r") as counts:
        tracer = subprocess.Popen(["strace", "-c", "-f", "-o", counts.name, "-p", str(pid)],
                                  stderr=subprocess.PIPE, text=True)
        with tracer:
            said = tracer.stderr.readline()
            if "attached" not in said:
                raise Failed(said.strip() or "strace says nothing")
            operations = load.run()["operations"]
            tracer.send_signal(signal.SIGINT)
            tracer.communicate(timeout=PATIENCE)
        total = [line.split() for line in counts if line.rstrip().endswith(" total")]
        if not total:
            raise Failed("strace has counted nothing")
        return int(total[-1][3]) / operations


def memory(bench: Bench, server: Server, row: Row) -> float:
    """Bytes by which the server grows for a connection, after a message there and back on it."""
    with serving(bench, server, row.mode, bench.fifo) as (pid, port), \
            Load(bench, row, port, bench.fifo, "") as load:
        before = resident(pid)
        connections = load.run()["operations"]
        return (resident(pid) - before) / connections
