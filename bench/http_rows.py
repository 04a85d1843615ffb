"""What HTTP is measured by, and on which programs."""
import os
from dataclasses import dataclass

CURL, BEAST = "curl loop", "beast"


@dataclass(frozen=True)
class Program:
    name: str
    path: str
    variable: tuple[str, str] | None = None  # of the environment

    def command(self, *arguments: object) -> list[str]:
        return [self.path, *(str(argument) for argument in arguments if argument != "")]

    def environment(self) -> dict[str, str]:
        return dict([self.variable]) if self.variable else {}


@dataclass(frozen=True)
class Row:
    """Bars of a rate are how often as fast as another program ours must be, that of a figure the
    most that it may be."""
    name: str
    title: str
    kind: str  # "client", "server", "elapsed" or "memory"
    requests: int  # at the same time
    connections: int
    bars: tuple[tuple[str, float], ...] = ()  # against whom
    most: float | None = None  # seconds
    warm: bool = False  # "elapsed": its connections are open

    def of_server(self) -> bool:
        return self.kind == "server"

    def is_rate(self) -> bool:
        return self.kind in ("client", "server")


WAVE = 0.1  # seconds that GET /slow takes
WAVES = 600  # requests of it
LIMIT = 1.2  # times what the waves take at least

ROWS = [
    *(Row(f"client_{n}", f"client, {n:,} at a time", "client", n, n, ((CURL, 0.9), ("httpx", 5)))
      for n in (1, 64, 512)),
    *(Row(f"server_{n}", f"server, wrk × {n:,}", "server", n, n, ((BEAST, 1), ("go", 1)))
      for n in (1, 64, 1000)),
    *(Row(f"waves_{n}", f"{WAVES} requests of {WAVE * 1000:g} ms over {n} connections, seconds",
          "elapsed", WAVES, n, most=LIMIT * WAVE * WAVES / n) for n in (100, 600)),
    Row("waves_warm", f"the same over {WAVES} connections that are open", "elapsed", WAVES, WAVES,
        most=LIMIT * WAVE, warm=True),
    *(Row(f"memory_{n}", f"bytes per request that waits, of {n:,}", "memory", n, n)
      for n in (1000, 5000)),
]


def own(folder: str) -> tuple[list[Program], list[Program]]:
    """Clients and servers of what http/CMakeLists.txt builds."""
    def path(name: str) -> str:
        return os.path.join(folder, f"bench_http_{name}")

    def ours(kind: str) -> list[Program]:
        return [Program(f"ours {backend}", path(kind), ("ASYNCIO_BACKEND", backend))
                for backend in ("epoll", "io_uring")]

    curl = path("curl_loop")
    return ([*ours("client"), Program(CURL, curl),
             Program(f"{CURL}, no timerfd", curl, ("BENCH_CURL_TIMER", "epoll_wait"))],
            [*ours("server"), Program(BEAST, path("beast_server"))])


def is_ours(name: str) -> bool:
    return name.startswith("ours ")
