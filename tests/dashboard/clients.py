#!/usr/bin/env python3
"""examples/dashboard, looked at through its own dashboard, and through the command's.

Usage: clients.py DIR COMMAND TEST     DIR: of the examples; COMMAND: asyncio
"""
import http.client
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

LIMIT = 30.0


@contextmanager
def running(*arguments: str) -> Iterator[subprocess.Popen]:
    process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def url_of(process: subprocess.Popen) -> tuple[int, str]:
    """The port and the token of the URL in the next line."""
    line = process.stdout.readline()
    match = re.search(r"http://127\.0\.0\.1:(\d+)/\?token=([0-9a-f]{32})\n$", line)
    assert match, (line, process.poll() is not None and process.stderr.read())
    return int(match[1]), match[2]


def looks(port: int, token: str) -> Iterator[dict]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT)
    connection.request("GET", "/events", headers={"Authorization": f"Bearer {token}"})
    answer = connection.getresponse()
    assert answer.status == 200, (answer.status, answer.read())
    name = b""
    for _ in range(10_000):
        line = answer.fp.readline() if not answer.chunked else answer.readline()
        if line.startswith(b"event: "):
            name = line[7:-1]
        elif line.startswith(b"data: ") and name == b"look":
            yield json.loads(line[6:])


def wait_for_deadlock(port: int, token: str) -> dict:
    """The rows of the two that wait for each other, by name, as soon as they do."""
    places: dict[int, list] = {}
    rows: dict[str, dict] = {}
    for look in looks(port, token):
        assert "error" not in look, look["error"]
        places |= {place[0]: place for place in look["places"]}
        rows |= {row["name"]: row for row in look["rows"]}
        if look.get("circles", {}).get("count"):
            members = [member["name"] for member in look["circles"]["shown"][0]["members"]]
            assert members == ["delivery", "return"], members
            break
    row = rows["delivery"]
    assert row["what"] == "Lock.acquire()", row
    function, file, line = places[row["frames"][row["where"]]][1:]
    source = os.path.join(os.path.dirname(__file__), "..", "..", "examples", "dashboard.cpp")
    with open(source, encoding="utf-8") as text:
        assert "co_await to.hold()" in text.readlines()[line - 1], line
    assert function == "move" and file.endswith("dashboard.cpp"), (function, file)
    return rows


def own(examples: str, _: str) -> None:
    with running(os.path.join(examples, "dashboard"), "--for", "60") as program:
        rows = wait_for_deadlock(*url_of(program))
        assert "steps" in rows["worker-3"], rows["worker-3"]


def other(examples: str, command: str) -> None:
    with running(os.path.join(examples, "dashboard"), "--for", "60") as program:
        url_of(program)
        with running(command, "dashboard", str(program.pid)) as dashboard:
            rows = wait_for_deadlock(*url_of(dashboard))
            assert "steps" not in rows["worker-3"], rows["worker-3"]  # it was not touched
            dashboard.send_signal(signal.SIGINT)
            assert dashboard.wait(LIMIT) == 130, dashboard.stderr.read()


def ends(examples: str, _: str) -> None:
    done = subprocess.run([os.path.join(examples, "dashboard"), "--for", "0"], text=True,
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=LIMIT, check=False)
    assert done.returncode == 0 and done.stdout.startswith("open http://127.0.0.1:"), done


def gone(examples: str, command: str) -> None:
    """The page says so, and the dashboard goes on."""
    with running(os.path.join(examples, "dashboard"), "--for", "60") as program:
        url_of(program)
        with running(command, "dashboard", str(program.pid), "--every", "0.05") as dashboard:
            seen = looks(*url_of(dashboard))
            assert next(seen)["loops"]
            program.kill()
            program.wait()
            assert any("error" in look and not look["loops"] for look in seen)
            assert dashboard.poll() is None


def wrong_input(_: str, command: str) -> None:
    for arguments, code, why in (((), 2, "PID"), (("x",), 2, "PID"), (("1", "--port", "-1"), 2, ""),
                                 (("1", "--every", "0"), 2, "every"),
                                 (("999999999",), 1, "Error retrieving tasks: "),
                                 ((str(os.getpid()),), 1, "Error retrieving tasks: "),
                                 (("1", "--host"), 2, "host")):
        done = subprocess.run([command, "dashboard", *arguments], text=True, capture_output=True,
                              stdin=subprocess.DEVNULL, timeout=LIMIT, check=False)
        assert done.returncode == code and why in done.stderr, (arguments, done)
        assert done.stdout == "", done


if __name__ == "__main__":
    {test.__name__: test for test in (own, other, ends, gone, wrong_input)}[sys.argv[3]](
        *sys.argv[1:3])
