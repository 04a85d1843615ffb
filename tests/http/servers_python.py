"""Python's http.server for tests/http/servers.py: an origin that shows what it got, and a proxy."""
import base64
import http.server
import select
import socket
import sys
import threading
import time
import urllib.parse
import zlib


class Quiet(http.server.ThreadingHTTPServer):
    """Clients that hang up are a part of the tests."""
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def handle_error(self, request, client_address) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Serving:
    """A server on a free port, in a thread. What it got: seen, a list of (line, headers)."""

    def __init__(self, handler: type):
        self.seen = []
        self.server = Quiet(("127.0.0.1", 0), handler)
        self.server.owner = self
        self.port = self.server.server_port
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self.connection.settimeout(20)

    def parse_request(self) -> bool:
        good = super().parse_request()
        if good:
            self.server.owner.seen.append((self.requestline, self.headers.items()))
        return good

    def answer(self, status: int, content: bytes = b"", *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def log_message(self, *_) -> None:
        pass


def zstd(data: bytes) -> bytes:
    """A frame of one block that is stored."""
    return (b"\x28\xb5\x2f\xfd\x20" + bytes([len(data)]) +
            (1 | len(data) << 3).to_bytes(3, "little") + data)


def zstd_bomb(size: int) -> bytes:
    """So many zeros, in blocks that say: 128 KiB times the same byte."""
    block = 128 * 1024
    repeated = (1 << 1 | block << 3).to_bytes(3, "little") + b"\0"
    return b"\x28\xb5\x2f\xfd\x00\x38" + repeated * (size // block) + b"\x01\0\0"


PACKED = {"gzip": zlib.compress(b"hello", wbits=31), "deflate": zlib.compress(b"hello"),
          "br": b"\x0b\x02\x80hello\x03", "zstd": zstd(b"hello")}
ZSTD_BOMB = zstd_bomb(1024 * 1024 * 1024)


class OriginHandler(Handler):
    """GET /NAME is get_NAME(), and so on; `control` is what the test lets a client do."""

    def handle_expect_100(self) -> bool:
        if self.path.startswith("/refuse"):
            headers = (("Connection", "close"),) if self.path.endswith("close") else ()
            self.close_connection = bool(headers)
            self.answer(int(self.path.split("/")[2]), b"refused", *headers)
            return False
        if self.path.startswith("/silent"):
            return True  # it says nothing, as old servers do
        return super().handle_expect_100()

    def do_any(self) -> None:
        path = urllib.parse.urlsplit(self.path)
        name = path.path.split("/")[1]
        self.query = dict(urllib.parse.parse_qsl(path.query, keep_blank_values=True))
        answer = getattr(self, "get_" + name, None)
        if answer is None:
            self.answer(404, b"nothing here\n")
        else:
            answer()

    do_GET = do_HEAD = do_POST = do_PUT = do_any

    def body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def get_echo(self) -> None:
        """What has come, in lines: method and path, the body's length, each header."""
        lines = [f"{self.command} {self.path}", f"{len(self.body())} bytes"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        self.answer(200, "".join(line + "\n" for line in lines).encode())

    def get_mirror(self) -> None:
        """The body, and what was expected."""
        self.answer(200, self.body(), ("X-Expect", self.headers.get("Expect", "nothing")))

    get_silent = get_refuse = get_mirror

    def get_chunked(self) -> None:
        """`count` lines, a chunk each, some time after each other."""
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.send_header("Trailer", "X-Sum")
        self.end_headers()
        for i in range(int(self.query["count"])):
            self.chunk(b"line %d\n" % i)
            time.sleep(float(self.query.get("pause", 0)))
        if "cut" in self.query:
            self.close_connection = True
        else:
            self.wfile.write(b"0\r\nX-Sum: 7\r\n\r\n")

    def get_until_close(self) -> None:
        """Without a length; HTTP/1.0's way."""
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b"to the end")
        self.close_connection = True

    def get_early_hints(self) -> None:
        self.wfile.write(b"HTTP/1.1 103 Early Hints\r\nX-Early: 1\r\n\r\n")
        self.answer(200, b"late", ("X-Late", "1"))

    def get_packed(self) -> None:
        """Compressed as the client can."""
        coding = self.query["as"]
        known = [word.strip() for word in self.headers.get("Accept-Encoding", "").split(",")]
        content = PACKED[coding] if coding in known else b"not known"
        if "wrong" in self.query:
            content = b"\xff" + content
        if "bomb" in self.query:
            content = ZSTD_BOMB
        self.answer(200, content, ("Content-Encoding", coding))

    def get_cookies(self) -> None:
        """Sets each `set` of the query, then shows what has come."""
        query = urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query)
        self.answer(200, self.headers.get("Cookie", "").encode(),
                    *(("Set-Cookie", value) for name, value in query if name == "set"))

    get_cook = get_cookies

    def get_control(self) -> None:
        self.server.owner.control[self.query["do"]]()
        self.answer(200, b"done")


class Origin(Serving):
    def __init__(self):
        self.control = {}
        super().__init__(OriginHandler)


class ProxyHandler(Handler):
    def let_in(self) -> bool:
        user = self.server.owner.user
        wanted = "Basic " + base64.b64encode(user.encode()).decode()
        if user and self.headers.get("Proxy-Authorization") != wanted:
            self.answer(407, b"who are you?", ("Proxy-Authenticate", 'Basic realm="proxy"'))
            return False
        return True

    def do_CONNECT(self) -> None:
        if not self.let_in():
            return
        host, _, port = self.path.rpartition(":")
        if host in self.server.owner.refused:
            self.answer(403, b"not there")
            return
        with socket.create_connection((host, int(port)), 10) as there:
            self.send_response(200)
            self.send_header("X-Proxy", "tunnel")
            self.end_headers()
            self.close_connection = True
            ends = {self.connection: there, there: self.connection}
            while True:
                for end in select.select(list(ends), [], [])[0]:
                    data = end.recv(65536)
                    if not data:
                        return
                    ends[end].sendall(data)

    def do_any(self) -> None:
        if not self.let_in():
            return
        url = urllib.parse.urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with socket.create_connection((url.hostname, url.port or 80), 10) as there:
            path = urllib.parse.urlunsplit(("", "", url.path or "/", url.query, ""))
            head = [f"{self.command} {path} HTTP/1.1", "Via: 1.1 proxy", "Connection: close"]
            head += [f"{name}: {value}" for name, value in self.headers.items()
                     if not name.lower().startswith("proxy-") and name.lower() != "connection"]
            there.sendall("\r\n".join(head + ["", ""]).encode() + body)
            while data := there.recv(65536):
                self.wfile.write(data)

    do_GET = do_HEAD = do_POST = do_PUT = do_any


class Proxy(Serving):
    """user: "name:password" that it asks for. refused: hosts that it does not connect with."""

    def __init__(self, user: str = "", refused: tuple[str, ...] = ()):
        self.user = user
        self.refused = refused
        super().__init__(ProxyHandler)
