"""What the network is measured by, and on which servers."""
import os
from dataclasses import dataclass

RAW, RING, BLOCKING = "raw epoll", "raw io_uring", "blocking TLS"
LIMITS = (RAW, RING, BLOCKING)
BEST_PEER = "best peer"  # of these, or of those that the row names:
LOOPS = ("asio", "go", "libuv", "tokio")
PLAIN = frozenset({"echo", "http", "churn"})
ALL = PLAIN | {"tls"}
KIB, MIB = 2**10, 2**20


@dataclass(frozen=True)
class Row:
    """A bar of a rate is a ratio to reach, that of a figure the most that it may be."""
    name: str
    title: str
    bar: float
    load: str  # "wrk", or a mode of net/load.cpp
    connections: int
    bytes: int = 64
    mode: str = "echo"  # the server's
    figure: str = ""  # "calls" or "bytes"; a rate if empty
    against: str = RAW
    peers: tuple[str, ...] = LOOPS  # of which the best one counts
    streams_bar: float | None = None  # where streams may cost more than sockets and protocols
    ring_bar: float | None = None  # where io_uring must cost less

    def bar_of(self, server: str) -> float:
        if self.ring_bar is not None and server.endswith("io_uring"):
            return self.ring_bar
        if self.streams_bar is not None and " streams" in server:
            return self.streams_bar
        return self.bar

    def limit(self) -> str:
        return BLOCKING if self.mode == "tls" else RAW


ROWS = [
    Row("echo_64", "echo, 64 B × 64 connections", 0.95, "echo", 64, streams_bar=0.92),
    Row("echo_16k", "echo, 16 KiB × 16 connections", 0.95, "echo", 16, 16 * KIB,
        streams_bar=0.92),
    Row("echo_1m", "echo, 1 MiB × 4 connections", 0.95, "echo", 4, MIB, streams_bar=0.90),
    *(Row(f"http_{n}", f"HTTP keep-alive, wrk × {n:,}", 0.95, "wrk", n, mode="http",
          against=BEST_PEER) for n in (1, 64, 1000)),
    Row("churn", "connect, 64 B there and back, close", 1.0, "churn", 16, mode="churn",
        against=BEST_PEER, peers=("asio", "tokio")),
    Row("tls_handshake", "the same with TLS 1.3, one at a time", 0.95, "tls_churn", 1, mode="tls",
        against=BLOCKING),
    Row("tls_echo", "echo over TLS 1.3, 16 KiB × 1", 0.95, "tls_echo", 1, 16 * KIB, mode="tls",
        against=BLOCKING),
    Row("calls_1", "system calls per echo, 1 connection", 3.0, "echo", 1, figure="calls"),
    Row("calls_64", "system calls per echo, 64 connections", 2.05, "echo", 64, figure="calls",
        ring_bar=0.15),
    Row("idle", "bytes per idle connection", 700, "idle", 9_900, figure="bytes",
        streams_bar=1_200),
]


@dataclass(frozen=True)
class Server:
    name: str
    path: str
    variant: str = ""
    backend: str = ""  # ASYNCIO_BACKEND
    modes: frozenset[str] = PLAIN

    def command(self, mode: str) -> list[str]:
        return [self.path, mode, *([self.variant] if self.variant else [])]

    def environment(self) -> dict[str, str]:
        return {"ASYNCIO_BACKEND": self.backend} if self.backend else {}


def limits(folder: str) -> list[Server]:
    return [Server(RAW, os.path.join(folder, "bench_net_epoll")),
            Server(RING, os.path.join(folder, "bench_net_uring")),
            Server(BLOCKING, os.path.join(folder, "bench_net_tls"), modes=frozenset({"tls"}))]


def ours(folder: str) -> list[Server]:
    path = os.path.join(folder, "bench_net_ours")
    return [Server(f"ours {variant} {backend}", path, variant, backend,
                   PLAIN if variant == "sock" else ALL)
            for backend in ("epoll", "io_uring") for variant in ("protocol", "sock", "streams")]


def peer(name: str, path: str) -> list[Server]:
    if name in ("python", "uvloop"):
        return [Server(f"{name} {variant}", path, variant, modes=ALL)
                for variant in ("protocol", "streams")]
    return [Server(name, path, modes=ALL if name in ("asio", "go") else PLAIN)]


def is_ours(name: str) -> bool:
    return name.startswith("ours ")


def matches(name: str, wanted: str) -> bool:
    """Its first words: "ours" are all of ours."""
    return f"{name} ".startswith(wanted.replace("-", " ") + " ")
