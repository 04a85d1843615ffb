"""One run: a Redis of its own, workers, and a client; each a process."""
import contextlib
import json
import os
import re
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from typing import NamedTuple

from measure import Failed, Sample, environment, run
from net_run import PATIENCE, line_of, stop, usage

CPUS = os.sched_getaffinity(0)
HOST = "127.0.0.1"
LIMIT_SECONDS = 120


class Redis(NamedTuple):
    pid: int
    url: str

    def busy(self) -> int:
        """Nanoseconds of CPU time."""
        return usage(self.pid).busy


def version() -> str:
    found = re.search(r"\bv=(\S+)", run(["redis-server", "--version"]).stdout)
    return f"Redis {found[1]}" if found else "Redis of an unknown version"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def answers(port: int, pid: int) -> bool:
    """Whether it is this process that does."""
    try:
        with socket.create_connection((HOST, port), PATIENCE) as connection:
            connection.sendall(b"INFO server\r\nQUIT\r\n")
            with connection.makefile("rb") as said:
                return f"process_id:{pid}\r\n".encode() in said.read()
    except ConnectionRefusedError:
        return False


def wait_for(process: subprocess.Popen, port: int, log: str) -> None:
    end = time.monotonic() + PATIENCE
    while not answers(port, process.pid):
        if process.poll() is not None or time.monotonic() > end:
            with open(log, encoding="utf-8") as text:
                said = text.read().strip().splitlines() or ["nothing"]
            raise Failed(f"redis-server on port {port} does not answer; it says {said[-1]!r}")
        time.sleep(0.005)


@contextlib.contextmanager
def redis() -> Iterator[Redis]:
    """It keeps nothing on disk."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        log = os.path.join(folder, "log")
        try:
            process = subprocess.Popen(["redis-server", "--bind", HOST, "--port", str(port),
                                        "--save", "", "--appendonly", "no", "--dir", folder,
                                        "--logfile", log])
        except OSError as error:
            raise Failed(f"redis-server: {error.strerror}") from None
        try:
            wait_for(process, port, log)
            yield Redis(process.pid, f"redis://{HOST}:{port}")
        finally:
            stop(process)


@contextlib.contextmanager
def working(program: str, url: str) -> Iterator[None]:
    """A worker that takes tasks."""
    with tempfile.TemporaryFile("w+") as errors, \
            subprocess.Popen([program, "--redis", url, "worker"], stdout=subprocess.PIPE, text=True,
                             stderr=errors, env=environment()) as process:
        try:
            line_of(process, "ready")
            yield
        except Failed as error:
            errors.seek(0)
            said = errors.read().strip().splitlines() or ["nothing"]
            raise Failed(f"{error}; its worker says {said[-1]!r}") from None
        finally:
            stop(process)


def ask(program: str, url: str, mode: str, count: int) -> dict:
    done = run([program, "--redis", url, mode, str(count)], CPUS, LIMIT_SECONDS)
    lines = done.stdout.splitlines() or [""]
    try:
        return json.loads(lines[-1])
    except ValueError:
        raise Failed(f"{program} {mode}: no figures in what it prints: {lines[-1]!r}") from None


@contextlib.contextmanager
def busy_redis(program: str, workers: int) -> Iterator[Redis]:
    with contextlib.ExitStack() as started:
        server = started.enter_context(redis())
        for _ in range(workers):
            started.enter_context(working(program, server.url))
        yield server


def throughput(program: str, workers: int, count: int) -> Sample:
    """The CPU time is that of Redis."""
    with busy_redis(program, workers) as server:
        before = server.busy()
        said = ask(program, server.url, "throughput", count)
        busy = server.busy() - before
    return Sample(said["seconds"] * 1e9 / said["tasks"], busy / said["tasks"])


def latency(program: str, count: int) -> Sample:
    with busy_redis(program, 1) as server:
        said = ask(program, server.url, "latency", count)
    return Sample(said["nanoseconds"], 0)


def ping(program: str, count: int) -> Sample:
    with redis() as server:
        said = ask(program, server.url, "ping", count)
    return Sample(said["nanoseconds"], 0)


def timed(program: str, server: Redis, mode: str, count: int) -> Sample:
    """The CPU time is that of the program and of Redis."""
    before = server.busy()
    said = ask(program, server.url, mode, count)
    busy = server.busy() - before
    return Sample(said["seconds"] * 1e9 / count, (said["cpu_seconds"] * 1e9 + busy) / count)


def queued(program: str, count: int) -> tuple[Sample, Sample]:
    """Of a task: to publish it, and to run it when all have been published."""
    with redis() as server:
        return (timed(program, server, "publish", count), timed(program, server, "worker", count))
