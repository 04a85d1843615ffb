#!/usr/bin/env python3
"""The examples as the shell uses them: between pipes, terminals and files.

Usage: stdio.py DIR [NAME...]      as tests/net/clients.py; DIR has the examples
"""
import fcntl
import os
import pty
import signal
import subprocess
import sys
import tempfile
import termios
import tty

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "net"))
import clients as net  # noqa: E402
from clients import check, equal  # noqa: E402


def program(name: str) -> str:
    return os.path.join(net.EXAMPLES, name)


def shell(command: str, data: bytes = b"", code: int = 0) -> tuple[bytes, bytes]:
    """What it writes to standard output and error."""
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], input=data,
                          capture_output=True, check=False,
                          env=dict(os.environ, FILTER=program("line_filter"),
                                   COUNT=program("word_count")))
    equal(done.returncode, code)
    return done.stdout, done.stderr


def blocks(fd: int) -> bool:
    return not fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_NONBLOCK


def pipeline() -> None:
    """10 MiB both ways."""
    line = b"the quick brown fox jumps over the lazy dog\n"
    text = line * (10 * 1024 * 1024 // len(line))
    out, errors = shell('cat | "$FILTER" upper | tr A-Z a-z', text)
    check(out == text and not errors, errors)


def in_parts() -> None:
    """Each loop of a shell's line reads what the one before has left."""
    out, _ = shell('for i in 1 2; do read -r x; echo "$x"; done; "$FILTER" number',
                   b"a\nb\nc\nd\n")
    equal(out, b"a\nb\n1: c\n2: d\n")


def head() -> None:
    """A reader that has gone is an error of one line, and no signal."""
    text = b"line\n" * 1_000_000
    done = subprocess.run(["bash", "-c", '"$0" number | head -1; echo "${PIPESTATUS[0]}"',
                           program("line_filter")],
                          input=text, capture_output=True, check=False)
    equal(done.stdout, b"1: line\n1\n")
    equal(done.stderr, b"error: write to standard output: Broken pipe\n")


def files() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "in")
        with open(path, "wb") as file:
            file.write(b"a\nb\n" * 100_000)
        out, _ = shell(f'(echo before; "$FILTER" upper; echo after) < {path} > {path}.out; '
                       f'"$FILTER" number < {path} >> {path}.out; cat {path}.out')
        numbered = b"".join(b"%d: %c\n" % (i + 1, b"ab"[i % 2]) for i in range(200_000))
        check(out == b"before\n" + b"A\nB\n" * 100_000 + b"after\n" + numbered, out[:100])


def devices() -> None:
    equal(shell('"$FILTER" number < /dev/null'), (b"", b""))
    equal(shell('"$FILTER" number > /dev/null', b"text\n"), (b"", b""))
    _, errors = shell('"$FILTER" number > /dev/full', b"text\n", code=1)
    equal(errors, b"error: write to standard output: No space left on device\n")


def closed() -> None:
    _, errors = shell('"$FILTER" number <&-', code=1)
    equal(errors, b"error: stdin_reader(): standard input: Bad file descriptor\n")
    _, errors = shell('"$FILTER" number >&-', b"text\n", code=1)
    equal(errors, b"error: stdout_writer(): standard output: Bad file descriptor\n")
    _, errors = shell('"$FILTER" number < .', code=1)
    equal(errors, b"error: stdin_reader(): standard input: Is a directory\n")


def terminal() -> None:
    """Lines typed, and the terminal stays as it was for who has it next."""
    master, slave = pty.openpty()
    settings = termios.tcgetattr(slave)
    with subprocess.Popen([program("line_filter"), "upper"], stdin=slave, stdout=slave,
                          stderr=slave) as process:
        try:
            for word in (b"one", b"two"):
                os.write(master, word + b"\n")
                found = b""
                while not found.endswith(word.upper() + b"\r\n"):
                    found += os.read(master, 1000)
                check(blocks(slave), "the terminal is non-blocking")
            os.write(master, b"\x04")  # ^D
            equal(process.wait(20), 0)
        finally:
            process.kill()
    check(blocks(slave), "the terminal is left non-blocking")
    equal(termios.tcgetattr(slave), settings)


def killed() -> None:
    """Not even a program that dies leaves the terminal non-blocking."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    with subprocess.Popen([program("line_filter"), "upper"], stdin=slave, stdout=slave) as process:
        os.write(master, b"one\n")
        found = b""
        while not found.endswith(b"ONE\n"):
            found += os.read(master, 1000)
        process.kill()
    check(blocks(slave), "the terminal is left non-blocking")


def word_count() -> None:
    with tempfile.TemporaryDirectory() as folder:
        names = []
        for name, text in (("a", b"one two\nthree"), ("b", b"\n" * 1000), ("c", b"x " * 300_000),
                           ("d", b"\t\v\f\r \n")):
            names.append(os.path.join(folder, name))
            with open(names[-1], "wb") as file:
                file.write(text)
        def numbers(text: bytes) -> list[list[bytes]]:
            return [line.split()[:3] for line in text.splitlines()]
        files_ = " ".join(names)
        equal(numbers(shell(f'"$COUNT" {files_}')[0]), numbers(shell(f"LC_ALL=C wc {files_}")[0]))
        _, errors = shell(f'"$COUNT" {folder}/none', code=1)
        equal(errors.decode(), f"error: open {folder}/none: No such file or directory\n")


net.TESTS = (pipeline, in_parts, head, files, devices, closed, terminal, killed, word_count)

if __name__ == "__main__":
    sys.exit(net.main())
