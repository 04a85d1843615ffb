#!/usr/bin/env python3
"""Our HTTP client against foreign servers: nginx, Python's http.server, and a proxy.

Usage: servers.py DIR [NAME...]      as tests/net/clients.py; DIR has servers_probe

A test starts the servers and runs one test of servers_probe, which finds them by its environment:
SERVERS_HTTP=http://127.0.0.1:PORT and so on. What a server has seen is looked at here.
"""
import gzip
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "net"))
import clients as net  # noqa: E402
from clients import Skipped, check, equal, need, run  # noqa: E402
from servers_nginx import Certificates, Nginx, numbered  # noqa: E402
from servers_python import Origin, Proxy  # noqa: E402

os.environ["PATH"] += ":/usr/sbin"  # nginx is there, and not everybody looks


class World:
    """All servers, in one folder, for one test. large: with the file 30M."""

    def __init__(self, large: bool = False):
        self.large = large

    def __enter__(self):
        need("nginx", "openssl")
        self.temporary = tempfile.TemporaryDirectory()
        self.folder = self.temporary.name
        self.nginx = self.origin = None
        self.proxies = []
        try:
            self.certificates = Certificates(self.folder)
            self.origin = Origin()
            self.nginx = Nginx(self.folder, self.origin.port)
            if self.large:
                self.nginx.write("www/30M", numbered(30 * 1024 * 1024))
            self.nginx.start()
        except BaseException:
            self.__exit__()
            raise
        self.origin.control = {"restart": self.nginx.start_again, "stop": self.nginx.stop,
                               "start": self.nginx.start_again}
        self.environment = {k: v for k, v in os.environ.items() if "proxy" not in k.lower()}
        self.environment |= {"SERVERS_FOLDER": self.folder,
                             "SERVERS_ORIGIN": f"http://127.0.0.1:{self.origin.port}"}
        for name, port in self.nginx.ports.items():
            scheme, host = (("http", "127.0.0.1") if name in ("http", "brief") else
                            ("https", "localhost"))
            self.environment[f"SERVERS_{name.upper()}"] = f"{scheme}://{host}:{port}"
        return self

    def __exit__(self, *_) -> None:
        if self.nginx is not None:
            self.nginx.stop()
        for server in (self.origin, *self.proxies):
            if server is not None:
                server.stop()
        self.temporary.cleanup()

    def proxy(self, name: str = "PROXY", **options) -> Proxy:
        proxy = Proxy(**options)
        self.proxies.append(proxy)
        self.environment[f"SERVERS_{name}"] = f"127.0.0.1:{proxy.port}"
        return proxy

    def probe(self, name: str) -> None:
        """Runs Servers.Name."""
        test = "Servers." + "".join(word.capitalize() for word in name.split("_"))
        done = subprocess.run([os.path.join(net.EXAMPLES, "servers_probe"), f"--gtest_filter={test}"],
                              env=self.environment, stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=net.WHOLE_LIMIT, check=False)
        text = (done.stdout + done.stderr).decode(errors="replace")
        if text.startswith("SKIPPED"):
            raise Skipped(text.strip().partition(": ")[2])
        check(done.returncode == 0 and f"[       OK ] {test}" in text,
              f"exit code {done.returncode}:\n{text[-6000:]}\nnginx:\n{self.nginx.errors()}")


def only_probe(name: str):
    def test() -> None:
        with World(name in LARGE) as world:
            world.probe(name)
    test.__name__ = name
    return test


def packed_files(world: World) -> None:
    whole = gzip.compress(numbered(100 * 1024), mtime=0)
    world.nginx.write("www/packed/whole", whole)
    world.nginx.write("www/packed/truncated", whole[:len(whole) // 2])
    world.nginx.write("www/packed/garbage", b"this is no gzip, but says so" * 100)
    world.nginx.write("www/packed/damaged", whole[:-8] + b"\0\0\0\0" + whole[-4:])
    world.nginx.write("www/packed/empty", b"")


def gzip_broken() -> None:
    with World() as world:
        packed_files(world)
        world.probe("gzip_broken")


def gzip_bomb() -> None:
    with World() as world:
        with gzip.open(os.path.join(world.folder, "www/packed/bomb"), "wb", 6) as file:
            for _ in range(200):
                file.write(bytes(1024 * 1024))
        world.probe("gzip_bomb")


def http2_slow_reader() -> None:
    with World(large=True) as world:
        with open(os.path.join(world.folder, "www/zeros"), "wb") as file:
            file.truncate(300 * 1024 * 1024)
        world.probe("http2_slow_reader")


def basic_auth() -> None:
    with World() as world:
        password = run("openssl", "passwd", "-apr1", "pass word").stdout.decode().strip()
        world.nginx.write("htpasswd", f"ada:{password}\n".encode())
        world.probe("basic_auth")


def headers_of(seen: list, name: str) -> list[str]:
    return [value for _, headers in seen for key, value in headers if key.lower() == name.lower()]


def proxy_http() -> None:
    """What is for the proxy ends there, and what is for the origin goes on."""
    with World() as world:
        proxy = world.proxy(user="pro:xy")
        world.probe("proxy_http")
        equal([line.split(" ")[0] for line, _ in proxy.seen], ["GET", "POST", "GET"])
        check(all(f" http://127.0.0.1:{world.origin.port}/" in line for line, _ in proxy.seen),
              proxy.seen)
        equal(headers_of(world.origin.seen, "Via"), ["1.1 proxy"] * 2)
        equal(headers_of(world.origin.seen, "Proxy-Authorization"), [])
        equal(headers_of(world.origin.seen, "Authorization"), ["Bearer t"] * 2)


def proxy_connect() -> None:
    """Of what is said through the tunnel the proxy sees nothing."""
    with World(large=True) as world:
        proxy = world.proxy(user="pro:xy")
        world.probe("proxy_connect")
        tunnel = f"CONNECT localhost:{world.nginx.ports['https']} HTTP/1.1"
        tunnel2 = f"CONNECT localhost:{world.nginx.ports['http2']} HTTP/1.1"
        equal([line for line, _ in proxy.seen], [tunnel, tunnel2, tunnel])
        for name in ("Authorization", "Cookie", "X-Secret"):
            equal(headers_of(proxy.seen, name), [])
        equal(headers_of(world.origin.seen, "Proxy-Authorization"), [])
        equal(headers_of(world.origin.seen, "Authorization"), ["Bearer t"] * 3)


def proxy_refuses() -> None:
    with World() as world:
        world.proxy(refused=("localhost",))
        world.probe("proxy_refuses")


def no_proxy() -> None:
    with World() as world:
        proxy = world.proxy()
        world.probe("no_proxy")
        equal(len(proxy.seen), 2)


LARGE = ("sizes", "streamed", "restart", "tls_trusted", "http2_cancelled", "http2_bodies", "gzip")
net.TESTS = (*map(only_probe, (
    "sizes", "head_and_errors", "streamed", "keep_alive", "limits", "idle_close", "restart",
    "redirects", "redirect_to_https", "ranges", "conditional", "cookies", "chunked", "uploads",
    "expectation", "refused_upload", "tls_trusted", "tls_refused", "tls_client_certificate",
    "http2_many", "http2_cancelled", "http2_bodies", "gzip", "codings", "zstd_bomb")),
    basic_auth, http2_slow_reader, gzip_broken, gzip_bomb, proxy_http, proxy_connect,
    proxy_refuses, no_proxy)

if __name__ == "__main__":
    sys.exit(net.main())
