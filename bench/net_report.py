"""The network's tables: a row on the terminal, all of them in bench/README.md."""
import report
from net_rows import BEST_PEER, LIMITS, is_ours

SHORT = {"echo_64": "64 B × 64", "echo_16k": "16 KiB × 16", "echo_1m": "1 MiB × 4",
         "http_1": "HTTP × 1", "http_64": "HTTP × 64", "http_1000": "HTTP × 1,000",
         "churn": "connections", "tls_handshake": "TLS connections", "tls_echo": "TLS 16 KiB",
         "calls_1": "calls × 1", "calls_64": "calls × 64", "idle": "bytes idle"}

TEXT = """\
Server and load share one CPU{fifo}, and the work is divided by the server's own CPU time: a ratio \
of 0.9 means that the limit answers as often in 0.9 of the time. The limits are written by hand \
([limit/net/](limit/net)): level-triggered epoll with one buffer of 256 KiB; io_uring with \
multishot accept and recv; for TLS blocking calls, one connection at a time. Every run starts the \
server anew, for {seconds} s (wrk: 1 s). Servers take turns, in an order that changes, until the \
interval of 95 % of the median ratio is within ±5 %, for {most} rounds at most. HTTP is compared \
with the best of {loops}. System calls are strace's. An idle connection has carried a message there and back; a peer's \
includes the buffer into which it reads. "met, by 3 of 6" counts our servers.
"""


def fifo_text(data: dict) -> str:
    return ", each until it waits (SCHED_FIFO)" if data["fifo"] else ""


def microseconds(nanoseconds: float) -> str:
    return report.number(nanoseconds / 1000)


def figure(value: float) -> str:
    return f"{value:.2f}" if value < 100 else f"{value:,.0f}"


def with_interval(of: dict) -> str:
    return report.interval(of) if of.get("ratio") is not None else "–"


def verdict(row: dict) -> str:
    """The best of ours decides; the others are counted, and those that have failed."""
    own = [s["met"] for name, s in row["servers"].items() if is_ours(name)]
    own += [False for name in row["failed"] if is_ours(name)]
    if not own:
        return "not measured"
    return f"{report.VERDICTS[bool(row['met'])]}, by {sum(map(bool, own))} of {len(own)}"


def bar(row: dict) -> str:
    return f"≤ {row['bar']:g}" if row["figure"] else f"≥ {row['bar']:g}"


def against(row: dict) -> str:
    return row["best_peer"] if row["against"] == BEST_PEER and row["best_peer"] else row["limit"]


def print_row(row: dict) -> None:
    of_what = "" if row["figure"] else f" of {against(row)}"
    print(f"\n{report.bold(row['title'])}   bar {bar(row)}{of_what}: {verdict(row)}")
    if row["figure"]:
        head = ["", row["figure"], ""]
        lines = [[name, figure(s["value"]), report.VERDICTS[s["met"]] if is_ours(name) else ""]
                 for name, s in row["servers"].items()]
    else:
        head = ["", "per CPU s", "µs", "user", "system", f"ratio to {row['limit']}", "rounds", ""]
        lines = [[name, f"{1e9 / s['ns']:,.0f}", microseconds(s["ns"]), microseconds(s["user_ns"]),
                  microseconds(s["ns"] - s["user_ns"]), with_interval(s), str(s["rounds"]),
                  report.VERDICTS[s["met"]] if is_ours(name) else ""]
                 for name, s in row["servers"].items()]
    report.print_table(head, lines)
    for why in row["failed"].values():
        print(f"failed: {why}")


def overview(rows: list[dict]) -> str:
    lines = []
    for row in rows:
        best = row["servers"].get(row["ours"])
        own, limit = "–", row["servers"].get(row["limit"])
        if best:
            own = figure(best["value"]) if row["figure"] else microseconds(best["ns"])
        least = "–"
        if limit:
            least = figure(limit["value"]) if row["figure"] else microseconds(limit["ns"])
        ratio = with_interval(best["to_bar"]) if best and not row["figure"] else "–"
        lines.append([row["title"], row["ours"] or "–", "" if row["figure"] else against(row),
                      least, own, ratio, bar(row), verdict(row)])
    head = ["µs of the server's CPU time", "best of ours", "ratio to", "limit", "ours", "ratio",
            "bar", ""]
    return report.markdown(head, lines, left=3)


def order(rows: list[dict]) -> list[str]:
    """Ours, limits, peers."""
    names = list(dict.fromkeys(name for row in rows for name in row["servers"]))
    rank = {False: 2, True: 1}
    return sorted(names, key=lambda name: 0 if is_ours(name) else rank[name in LIMITS])


def matrix(rows: list[dict], corner: str, cell) -> str:
    names = order(rows)
    lines = [[name, *(cell(row["servers"][name]) if name in row["servers"] else "–"
                      for row in rows)] for name in names]
    return report.markdown([corner, *(SHORT[row["name"]] for row in rows)], lines)


def ratio_cell(server: dict) -> str:
    if server["low"] == server["high"]:
        return f"{server['ratio']:.2f}"
    return f"{server['ratio']:.2f} ±{(server['high'] - server['low']) / 2:.2f}"


def time_cell(server: dict) -> str:
    return f"{microseconds(server['ns'])} ({microseconds(server['user_ns'])})"


def section(data: dict, loops: str) -> str:
    """In Markdown."""
    rates = [row for row in data["rows"] if not row["figure"]]
    figures = [row for row in data["rows"] if row["figure"]]
    parts = [TEXT.format(fifo=fifo_text(data), seconds=f"{data['seconds']:g}", loops=loops,
                         most=data["most_rounds"]), overview(data["rows"])]
    if rates:
        parts.append(matrix(rates, "ratio to the limit", ratio_cell))
        parts.append(matrix(rates, "µs of CPU time (of it user)", time_cell))
    if figures:
        parts.append(matrix(figures, "", lambda server: figure(server["value"])))
    missing = [f"- {name}: {why}\n" for name, why in data["missing"].items()]
    versions = [f"- {name}: {said}\n" for name, said in data["versions"].items()]
    return "\n".join(parts) + "\n" + "".join(versions + missing)
