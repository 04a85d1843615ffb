#!/usr/bin/env python3
"""Workers on other hosts, whose links to Redis are cut: nothing is lost, and nothing comes twice.

Usage: links.py WORKER_PROGRAM

Each host is a network namespace of this machine. Exit code 77 where there can be none.
"""
import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

SKIPPED = 77
TASKS = 1500
PATIENCE = 60
PORT = 6379


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True, timeout=PATIENCE)


def skip(why: str) -> None:
    print(f"skipped: {why}")
    sys.exit(SKIPPED)


class Hosts:
    """That of Redis, 10.77.N.1 for the N-th worker's, 10.77.N.2."""

    def __init__(self, workers: int) -> None:
        self.prefix = f"aio{os.getpid()}"
        self.names = [f"{self.prefix}-{i}" for i in range(workers + 1)]

    def __enter__(self) -> "Hosts":
        try:
            for name in self.names:
                ip("netns", "add", name)
                ip("-n", name, "link", "set", "lo", "up")
            for i in range(1, len(self.names)):
                here, there = f"{self.prefix}r{i}", f"{self.prefix}w{i}"
                ip("link", "add", here, "netns", self.names[0], "type", "veth", "peer", "name",
                   there, "netns", self.names[i])
                for name, end, last in ((0, here, 1), (i, there, 2)):
                    ip("-n", self.names[name], "addr", "add", f"10.77.{i}.{last}/24", "dev", end)
                    ip("-n", self.names[name], "link", "set", end, "up")
        except subprocess.CalledProcessError as error:
            self.__exit__()
            skip(f"no network namespaces: {error.stderr.strip()}")
        return self

    def __exit__(self, *_: object) -> None:
        for name in self.names:
            with contextlib.suppress(subprocess.CalledProcessError):
                ip("netns", "del", name)

    def set_link(self, worker: int, state: str) -> None:
        ip("-n", self.names[0], "link", "set", f"{self.prefix}r{worker}", state)

    def start(self, host: int, *command: str, **options: object) -> subprocess.Popen:
        return subprocess.Popen(["ip", "netns", "exec", self.names[host], *command],
                                stdin=subprocess.DEVNULL, **options)


def wait_for_redis(hosts: Hosts) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        asked = hosts.start(0, "redis-cli", "-p", str(PORT), "ping", stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL, text=True)
        if asked.communicate(timeout=PATIENCE)[0].strip() == "PONG":
            return
        time.sleep(0.02)
    raise RuntimeError("redis-server does not answer")


def done(hosts: Hosts) -> int:
    asked = hosts.start(0, "redis-cli", "-p", str(PORT), "hget", "asyncio:{default}:counts",
                        "finished", stdout=subprocess.PIPE, text=True)
    return int(asked.communicate(timeout=PATIENCE)[0].strip() or 0)


def wait_until_done(hosts: Hosts, count: int) -> None:
    end = time.monotonic() + PATIENCE
    while done(hosts) < count:
        if time.monotonic() > end:
            raise RuntimeError(f"{done(hosts)} of {count} tasks are done")
        time.sleep(0.02)


def main() -> int:
    program = sys.argv[1]
    if shutil.which("redis-server") is None:
        skip("redis-server is not installed")
    if shutil.which("ip") is None:
        skip("ip is not installed")
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        hosts = stack.enter_context(Hosts(2))

        def start(*words: object, **options: object) -> subprocess.Popen:
            process = hosts.start(*words, **options)
            stack.callback(process.wait)
            stack.callback(process.kill)
            return process

        start(0, "redis-server", "--port", str(PORT), "--bind", "0.0.0.0", "--protected-mode", "no",
              "--save", "", "--dir", folder, stdout=subprocess.DEVNULL)
        wait_for_redis(hosts)
        for i in (1, 2):
            start(i, program, f"redis://10.77.{i}.1:{PORT}", "slow", folder + "/mark")
        client = start(0, program, f"redis://127.0.0.1:{PORT}", "client", str(TASKS),
                       stdout=subprocess.PIPE, text=True)

        wait_until_done(hosts, 100)
        hosts.set_link(1, "down")  # with what the first one has in its hands
        wait_until_done(hosts, done(hosts) + 300)
        hosts.set_link(2, "down")  # now nobody reaches Redis
        time.sleep(0.7)  # longer than a lease
        hosts.set_link(1, "up")
        hosts.set_link(2, "up")
        said = client.communicate(timeout=PATIENCE)[0]
        print(said, end="")
        counted = {name: int(n) for name, n in re.findall(r"(\w+) (\d+)", said)}
        assert client.returncode == 0, client.returncode
        assert counted["accepted"] == counted["finished"] == TASKS, counted
        assert counted["failed"] == counted["dead"] == 0, counted
        assert counted["redelivered"] > 0, counted
    return 0


if __name__ == "__main__":
    sys.exit(main())
