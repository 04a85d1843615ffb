#!/usr/bin/env python3
"""Foreign clients talk to the examples: nc, socat, openssl, curl and wrk.

Usage: clients.py DIR [NAME...]      DIR has the examples; without names all tests run

Every server listens on a free port of the loopback device, or on a Unix socket in a folder of its
own, and is stopped by SIGTERM at the end of its test, which must make it exit with 143. A test whose
tool is missing says SKIPPED and why.
"""
import os
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

LIMIT = 20.0  # seconds for whatever a test waits for
WHOLE_LIMIT = 60  # seconds for a test
EXAMPLES = ""


class Skipped(Exception):
    """A tool is missing."""


def need(*tools: str) -> None:
    for tool in tools:
        if shutil.which(tool) is None:
            raise Skipped(f"{tool} is not installed")


def check(true: object, text: object) -> None:
    if not true:
        raise AssertionError(str(text))


def equal(found: object, expected: object) -> None:
    check(found == expected, f"{str(found)[:500]!r} is not {str(expected)[:500]!r}")


class Process:
    """A program with pipes, which is gone at the end of the block."""

    def __init__(self, *command: str):
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.errors, bufsize=0)
        self.read_so_far = b""

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace) -> None:
        self.process.kill()
        self.process.wait()
        if error is not None:
            print("standard error of", self.process.args, "\n" + self.error_text())
        for file in (self.process.stdin, self.process.stdout, self.errors):
            file.close()

    def error_text(self) -> str:
        self.errors.seek(0)
        return self.errors.read().decode(errors="replace")

    def send(self, data: bytes) -> None:
        self.process.stdin.write(data)

    def read_until(self, end: bytes) -> bytes:
        """What comes up to and with `end`."""
        until = time.monotonic() + LIMIT
        while end not in self.read_so_far:
            ready, _, _ = select.select([self.process.stdout], [], [], until - time.monotonic())
            check(ready, f"{self.process.args}: no {end!r} in time, but {self.read_so_far[-300:]!r}")
            data = os.read(self.process.stdout.fileno(), 65536)
            check(data, f"{self.process.args}: ended before {end!r}: {self.read_so_far[-300:]!r}")
            self.read_so_far += data
        found, self.read_so_far = self.read_so_far.split(end, 1)
        return found + end

    def rest(self) -> bytes:
        """Ends its input, and reads to the end."""
        self.process.stdin.close()
        until = time.monotonic() + LIMIT
        while True:
            ready, _, _ = select.select([self.process.stdout], [], [], until - time.monotonic())
            check(ready, f"{self.process.args}: does not end")
            data = os.read(self.process.stdout.fileno(), 65536)
            self.read_so_far += data
            if not data:
                return self.read_so_far


class Server(Process):
    """An example that serves. Its stop() is a part of the test."""

    def __init__(self, name: str, *arguments: str):
        super().__init__(os.path.join(EXAMPLES, name), *arguments)
        self.name = name
        try:
            line = self.read_until(b"\n").decode()
            check(line.startswith("serving on "), line)
        except BaseException as error:
            self.__exit__(type(error), error, None)
            raise
        self.address = line.removeprefix("serving on ").strip()
        self.port = self.address.rpartition(":")[2]

    def __exit__(self, kind, error, trace) -> None:
        try:
            if error is None and self.process.poll() is None:
                self.stop()
            elif error is None:
                check(False, f"{self.name} has ended by {self.process.returncode}:\n" +
                      self.error_text())
        finally:
            super().__exit__(kind, error, trace)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(LIMIT)
        check(code == 143, f"{self.name}: exit code {code} after SIGTERM:\n{self.error_text()}")
        check("Traceback" not in self.error_text(), self.error_text())


def run(*command: str, data: bytes = b"", code: int | None = 0) -> subprocess.CompletedProcess:
    done = subprocess.run(command, input=data, capture_output=True, timeout=LIMIT, check=False)
    if code is not None:
        check(done.returncode == code, f"{command}: exit code {done.returncode}: "
              f"{done.stdout[-500:]!r} {done.stderr[-500:]!r}")
    return done


def nc(port: str, data: bytes) -> bytes:
    need("nc")
    return run("nc", "-N", "127.0.0.1", port, data=data).stdout


def socat(where: str, data: bytes) -> bytes:
    need("socat")
    return run("socat", "-t10", "-", where, data=data).stdout


BYTES = bytes(range(256)) * 8192  # 2 MiB


def echo_client() -> None:
    with Server("echo_server", "0") as server:
        client = os.path.join(EXAMPLES, "echo_client")
        done = run(client, "127.0.0.1", server.port, "hello", "", "a b")
        equal(done.stdout, b"hello\n\na b\n")
        done = run(client, "localhost", server.port, "by name")
        equal(done.stdout, b"by name\n")


def echo_nc() -> None:
    with Server("echo_server", "0") as server:
        equal(nc(server.port, b"hello\nworld\n"), b"hello\nworld\n")
        equal(nc(server.port, BYTES), BYTES)


def echo_socat() -> None:
    with Server("echo_server", "0") as server:
        equal(socat(f"TCP:127.0.0.1:{server.port}", b"hello\n"), b"hello\n")
        equal(socat(f"TCP:127.0.0.1:{server.port}", BYTES), BYTES)


def echo_reset() -> None:
    """A client that resets its connection costs a line, not the server."""
    with Server("echo_server", "0") as server:
        with socket.create_connection(("127.0.0.1", int(server.port))) as client:
            client.sendall(b"x")
            client.recv(1)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        equal(run(os.path.join(EXAMPLES, "echo_client"), "127.0.0.1", server.port, "still").stdout,
              b"still\n")
        check("lost a client: recv" in server.error_text(), server.error_text())


def chat() -> None:
    need("nc", "socat")
    with Server("chat_server", "serve", "0") as server, \
            Process("nc", "-N", "127.0.0.1", server.port) as ann, \
            Process("socat", "-t10", "-", f"TCP:127.0.0.1:{server.port}") as bob:
        ann.send(b"Ann\n")
        ann.read_until(b"your nick? Ann has come\n")
        bob.send(b"Bob\r\n")
        ann.read_until(b"Bob has come\n")
        bob.read_until(b"your nick? Bob has come\n")
        ann.send(b"hello\n")
        equal(ann.read_until(b"\n"), b"Ann: hello\n")
        equal(bob.read_until(b"\n"), b"Ann: hello\n")
        check(nc(server.port, b"Ann\n").endswith(b"goodbye: Ann is here already\n"), "two Anns")
        check(nc(server.port, b"\n").endswith(b"goodbye: a nick has 1 to 20 bytes\n"), "no nick")
        equal(bob.rest(), b"")
        equal(ann.read_until(b"\n"), b"Bob has left\n")
        ann.send(b"x" * 5000 + b"\n")
        check(b"goodbye: " in ann.rest(), "a line above the limit")


def chat_slow_client() -> None:
    """Who does not read is dropped, and the others go on meanwhile."""
    need("nc")
    with Server("chat_server", "serve", "0") as server, \
            Process("nc", "-N", "127.0.0.1", server.port) as sloth, \
            Process("nc", "-N", "127.0.0.1", server.port) as ann:
        sloth.send(b"Sloth\n")
        sloth.read_until(b"Sloth has come\n")  # and from here on nobody reads what nc writes
        ann.send(b"Ann\n")
        ann.read_until(b"Ann has come\n")
        for _ in range(2000):  # 96 MB at most, in pieces that a pipe takes
            ann.send((b"x" * 4000 + b"\n") * 12)
            lines = [ann.read_until(b"\n") for _ in range(12)]
            if b"Sloth was too slow\n" in lines:
                break
        else:
            check(False, "Sloth was never dropped")
        ann.send(b"done\n")
        ann.read_until(b"Ann: done\n")


def proxy() -> None:
    with Server("echo_server", "0") as target, \
            Server("tcp_proxy", "serve", "0", "127.0.0.1", target.port) as server:
        equal(nc(server.port, BYTES), BYTES)
        equal(socat(f"TCP:127.0.0.1:{server.port}", BYTES), BYTES)


def proxy_curl() -> None:
    need("curl", "python3")
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "file"), "wb") as file:
            file.write(BYTES)
        with Process("python3", "-u", "-m", "http.server", "--bind", "127.0.0.1",
                     "--directory", folder, "0") as web:
            port = re.search(rb" port (\d+)", web.read_until(b"\n"))[1].decode()
            with Server("tcp_proxy", "serve", "0", "127.0.0.1", port) as server:
                url = f"http://127.0.0.1:{server.port}/"
                equal(run("curl", "-sSf", url + "file").stdout, BYTES)
                done = run("curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", url + "none")
                equal(done.stdout, b"404")


def proxy_without_target() -> None:
    need("curl")
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = str(nobody.getsockname()[1])
        with Server("tcp_proxy", "serve", "0", "127.0.0.1", port) as server:
            done = run("curl", "-sS", f"http://127.0.0.1:{server.port}/", code=None)
            check(done.returncode in (52, 56), done)  # an empty reply, or a reset
            check("Connection refused" in server.error_text(), server.error_text())


def message(text: bytes) -> bytes:
    return struct.pack(">I", len(text)) + text


def unix_rpc() -> None:
    need("socat")
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "rpc")
        where = "UNIX-CONNECT:" + path
        with Server("unix_rpc", "serve", path) as server:
            equal(server.address, path)
            equal(socat(where, message(b"add 2 3") + message(b"upper abc")),
                  message(b"ok 5") + message(b"ok ABC"))
            equal(socat(where, message(b"")), message(
                b'error there is no method ""; there are add and upper'))
            equal(socat(where, message(b"add 1 1")[:6]), b"")
            check("half a message" in server.error_text(), server.error_text())
            equal(socat(where, b"\xff\xff\xff\xff"), b"")
            check("too long" in server.error_text(), server.error_text())
            done = run(os.path.join(EXAMPLES, "unix_rpc"), "call", path, "add 20 22")
            equal(done.stdout, b"add 20 22 -> ok 42\n")
        check(not os.path.exists(path), "the socket's file is left")
        with socket.socket(socket.AF_UNIX) as crashed:
            crashed.bind(path)  # closing does not remove it
        with Server("unix_rpc", "serve", path):
            equal(socat(where, message(b"add 2 3")), message(b"ok 5"))


def s_client(server: Server, *options: str) -> Process:
    return Process("openssl", "s_client", "-connect", "127.0.0.1:" + server.port,
                   "-verify_return_error", "-no_ign_eof", *options)


def tls() -> None:
    need("openssl")
    with tempfile.TemporaryDirectory() as folder:
        ca = os.path.join(folder, "ca.pem")
        with Server("tls_echo", "serve", "0", ca) as server:
            for version in ("-tls1_3", "-tls1_2"):
                with s_client(server, "-CAfile", ca, "-verify_hostname", "localhost",
                              version) as client:
                    client.read_until(b"Verify return code: 0 (ok)")
                    client.send(b"hello\n")
                    client.read_until(b"hello\n")
                    client.rest()
                    equal(client.process.wait(LIMIT), 0)
            with s_client(server, "-CAfile", ca, "-verify_ip", "127.0.0.1") as client:
                client.read_until(b"Verify return code: 0 (ok)")


def tls_refused() -> None:
    need("openssl")
    with tempfile.TemporaryDirectory() as folder:
        ca = os.path.join(folder, "ca.pem")
        with Server("tls_echo", "serve", "0", ca) as server:
            for options, why in (
                    (("-CAfile", ca, "-verify_hostname", "example.com"), "hostname mismatch"),
                    (("-verify_hostname", "localhost"), "self-signed certificate"),
                    (("-CAfile", ca, "-tls1_1"), "alert protocol version")):
                with s_client(server, *options) as client:
                    client.rest()
                    equal(client.process.wait(LIMIT), 1)
                    check(why in client.error_text().lower(), client.error_text())
            with socket.create_connection(("127.0.0.1", int(server.port)), LIMIT) as plain:
                plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
                while plain.recv(4096):  # an alert, then the end
                    pass
            with s_client(server, "-CAfile", ca, "-verify_hostname", "localhost") as client:
                client.read_until(b"Verify return code: 0 (ok)")  # others are served as before


def tls_socat() -> None:
    need("socat")
    with tempfile.TemporaryDirectory() as folder:
        ca = os.path.join(folder, "ca.pem")
        with Server("tls_echo", "serve", "0", ca) as server:
            to = f"OPENSSL:127.0.0.1:{server.port},cafile={ca},commonname="
            with Process("socat", "-", to + "localhost") as client:
                client.send(b"hello\n")
                client.read_until(b"hello\n")
            refused = run("socat", "-", to + "example.com", code=None)
            check(refused.returncode != 0, "a wrong name was taken")


def workers_curl() -> None:
    need("curl")
    with Server("workers", "serve", "0", "2") as server:
        url = f"http://127.0.0.1:{server.port}/"
        equal(run("curl", "-sSf", url, url, url).stdout, b"hello\n" * 3)
        done = run("curl", "-sS", "-X", "DELETE", "-w", " %{http_code}", url)
        equal(done.stdout, b"only GET\n 405")
        done = run("curl", "-sS", "-H", "X: " + "x" * 100000, "-w", "%{http_code}", url, code=None)
        check(b"431" in done.stdout or done.returncode in (52, 55, 56), done)
        equal(run("curl", "-sSf", url).stdout, b"hello\n")


def workers_wrk() -> None:
    need("wrk")
    with Server("workers", "serve", "0", "2") as server:
        done = run("wrk", "-t1", "-c20", "-d1s", f"http://127.0.0.1:{server.port}/")
        text = done.stdout.decode()
        requests = re.search(r"(\d+) requests in", text)
        check(requests and int(requests[1]) > 100, text)
        check("Socket errors" not in text and "Non-2xx" not in text, text)


def graceful_shutdown() -> None:
    need("nc")
    with Server("graceful_shutdown", "serve", "0") as server, \
            Process("nc", "127.0.0.1", server.port) as client:
        client.send(b"700\n")
        client.read_until(b"working\n")
        server.process.send_signal(signal.SIGTERM)
        server.read_until(b"stopping\n")
        time.sleep(0.1)
        check(run("nc", "-z", "127.0.0.1", server.port, code=None).returncode != 0,
              "it still listens")
        client.read_until(b"done\n")
        server.read_until(b"stopped\n")
        equal(server.process.wait(LIMIT), 143)
        server.process.returncode = None  # what follows must not take it for a crash
        server.stop = lambda: None
        server.process.poll = lambda: None


def wrong_input() -> None:
    """One clear line on standard error, and an exit code of 1 or 2."""
    with socket.socket() as other, tempfile.TemporaryDirectory() as folder:
        other.bind(("127.0.0.1", 0))
        other.listen()
        used = str(other.getsockname()[1])
        missing = os.path.join(folder, "missing", "x")
        plain = os.path.join(folder, "plain")
        with open(plain, "w", encoding="utf-8") as file:
            file.write("no socket")
        for arguments, why in (
                ("echo_server", "usage: "), ("echo_server x", 'not "x"'),
                ("echo_server 65536", 'not "65536"'), ("echo_server -1", 'not "-1"'),
                ("echo_server " + used, "already in use"), ("echo_server 1 2", "usage: "),
                ("echo_client", "usage: "), ("echo_client 127.0.0.1 1 x", "Connection refused"),
                ("echo_client no..such.host 1 x", "no..such.host"),
                ("echo_client 127.0.0.1 port x", 'not "port"'),
                ("chat_server serve", "usage: "), ("chat_server serve " + used, "already in use"),
                ("tcp_proxy serve 0", "usage: "), ("tcp_proxy serve 0 localhost http", 'not "http"'),
                (f"tcp_proxy serve {used} localhost 80", "already in use"),
                ("unix_rpc serve", "usage: "), ("unix_rpc serve " + missing, "No such file"),
                ("unix_rpc serve " + plain, "already in use"),
                ("unix_rpc serve " + "x" * 200, "107"),
                ("unix_rpc call " + missing + " x", "No such file"),
                ("port_scanner 127.0.0.1", "usage: "),
                ("port_scanner 127.0.0.1 9 1", "above"),
                ("port_scanner no..such.host 1 2", "no..such.host"),
                ("tls_echo serve 0", "usage: "), ("tls_echo serve 0 " + missing, "cannot write"),
                (f"tls_echo serve {used} {folder}/ca", "already in use"),
                ("graceful_shutdown serve", "usage: "),
                ("graceful_shutdown serve " + used, "already in use"),
                ("workers serve", "usage: "), ("workers serve 0 0", 'not "0"'),
                ("workers serve " + used, "in use")):
            name, *rest = arguments.split(" ")
            done = run(os.path.join(EXAMPLES, name), *rest, code=None)
            errors = done.stderr.decode()
            check(done.returncode in (1, 2), f"{arguments}: exit code {done.returncode}")
            check(errors.count("\n") == 1 and why in errors and not done.stdout,
                  f"{arguments}: {errors}{done.stdout.decode()}")
        with open(plain, encoding="utf-8") as file:
            equal(file.read(), "no socket")


TESTS = (echo_client, echo_nc, echo_socat, echo_reset, chat, chat_slow_client, proxy, proxy_curl,
         proxy_without_target, unix_rpc, tls, tls_refused, tls_socat, workers_curl, workers_wrk,
         graceful_shutdown, wrong_input)


def on_alarm(*_) -> None:
    raise TimeoutError(f"not done after {WHOLE_LIMIT} s")


def main() -> int:
    global EXAMPLES
    EXAMPLES = os.path.abspath(sys.argv[1])
    wanted = sys.argv[2:]
    unknown = set(wanted) - {test.__name__ for test in TESTS}
    if unknown:
        print("no such test:", *unknown)
        return 1
    failed = False
    signal.signal(signal.SIGALRM, on_alarm)
    for test in TESTS:
        if wanted and test.__name__ not in wanted:
            continue
        signal.alarm(WHOLE_LIMIT)
        try:
            test()
            print("ok", test.__name__, flush=True)
        except Skipped as reason:
            print(f"SKIPPED {test.__name__}: {reason}", flush=True)
        except (AssertionError, OSError, subprocess.SubprocessError) as error:
            print(f"FAILED {test.__name__}: {type(error).__name__}: {error}", flush=True)
            failed = True
        finally:
            signal.alarm(0)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
