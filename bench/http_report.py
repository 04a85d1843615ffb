"""HTTP's tables: a row on the terminal, all of them in bench/README.md."""
import report
from http_rows import is_ours
from net_report import fifo_text, microseconds, with_interval

SHORT = {"client_1": "client × 1", "client_64": "client × 64", "client_512": "client × 512",
         "server_1": "server × 1", "server_64": "server × 64", "server_1000": "server × 1,000",
         "waves_100": "100 connections, s", "waves_600": "600 connections, s",
         "waves_warm": "600 open, s",
         "memory_1000": "bytes × 1,000", "memory_5000": "bytes × 5,000"}

TEXT = """\
The server has one CPU, the client another{fifo}; every run starts both anew, for {seconds} s, \
and a warm client. Programs take turns in {rounds} rounds as above, and a bar is met if the \
upper end of the interval of 95 % around the median ratio reaches it. An answer to a client has \
100 bytes; the server that gives it does next to nothing ([http/](http)). The curl loop is \
libcurl's documented use of curl_multi_socket_action() with epoll and a timerfd: easy handles \
are kept, with the options that our client sets, and get nothing but the next URL; without the \
timerfd it waits by epoll_wait()'s time-out. Our server, Go's and Boost.Beast's, which is \
written as its example of an asynchronous server, are asked by wrk. It may be slower than they \
are, so that ratios are also taken of the server's own CPU time, and both must reach the bar. A \
row in seconds is of a client that has one connection open, or all of them. "by 1 of 2" counts \
backends. Memory is what the client's process grows by while no answer comes.
"""


def verdict(row: dict) -> str:
    own = [program["met"] for name, program in row["programs"].items() if is_ours(name)]
    if None in own:
        return ""
    return f"{report.VERDICTS[bool(row['met'])]}, by {sum(own)} of {len(own)}"


def figure(row: dict, value: float) -> str:
    return f"{value:,.0f}" if row["kind"] == "memory" else f"{value:.3f}"


def by_whom(row: dict, program: dict) -> list[str]:
    """Of ours: the ratios to those it is judged by."""
    return [f"{bar['against']}: {with_interval(bar['wall'])}, CPU {with_interval(bar['cpu'])}, bar "
            f"{bar['bar']:g}, {report.VERDICTS[bar['met']]}" for bar in program.get("bars", [])]


def print_row(row: dict) -> None:
    bar = f"   bar ≤ {row['most']:g} s" if row["most"] else ""
    print(f"\n{report.bold(row['title'])}{bar}   {verdict(row)}")
    if row["kind"] in ("memory", "elapsed"):
        report.print_table(["", ""], [[name, figure(row, program["value"])]
                                      for name, program in row["programs"].items()])
        return
    report.print_table(["", "per second", "CPU µs", "rounds"], [
        [name, f"{program['per_second']:,.0f}", microseconds(program["cpu_ns"]),
         str(program["rounds"])] for name, program in row["programs"].items()])
    for name in filter(is_ours, row["programs"]):
        for said in by_whom(row, row["programs"][name]):
            print(f"{name} / {said}")


def bars(rows: list[dict]) -> str:
    lines = []
    for row in rows:
        best = row["programs"][row["ours"]]
        if row["kind"] == "elapsed":
            lines.append([row["title"], row["ours"], "", figure(row, best["value"]), "", "",
                          f"≤ {row['most']:g}", verdict(row)])
        for bar in best.get("bars", []):
            lines.append([row["title"], row["ours"], bar["against"], f"{best['per_second']:,.0f}",
                          with_interval(bar["wall"]), with_interval(bar["cpu"]),
                          f"≥ {bar['bar']:g}", report.VERDICTS[bar["met"]]])
    head = ["", "best of ours", "against", "ours per second", "ratio", "ratio by CPU time", "bar",
            ""]
    return report.markdown(head, lines, left=3)


def order(rows: list[dict]) -> list[str]:
    names = list(dict.fromkeys(name for row in rows for name in row["programs"]))
    return sorted(names, key=lambda name: not is_ours(name))


def matrix(rows: list[dict], corner: str, cell) -> str:
    lines = [[name, *(cell(row, row["programs"][name]) if name in row["programs"] else "–"
                      for row in rows)] for name in order(rows)]
    return report.markdown([corner, *(SHORT[row["name"]] for row in rows)], lines)


def rate_cell(_: dict, program: dict) -> str:
    return f"{program['per_second']:,.0f} ({microseconds(program['cpu_ns'])})"


def section(data: dict) -> str:
    """In Markdown."""
    kinds = {kind: [row for row in data["rows"] if row["kind"] == kind]
             for kind in ("client", "server", "elapsed", "memory")}
    parts = [TEXT.format(fifo=fifo_text(data), seconds=f"{data['seconds']:g}",
                         rounds=data["rounds"]),
             bars([row for row in data["rows"] if row["kind"] != "memory"])]
    for kind in ("client", "server"):
        if kinds[kind]:
            parts.append(matrix(kinds[kind], "requests per second (µs of CPU time)", rate_cell))
    if figures := kinds["elapsed"] + kinds["memory"]:
        parts.append(matrix(figures, "", lambda row, one: figure(row, one["value"])))
    missing = [f"- {name}: {why}\n" for name, why in data["missing"].items()]
    versions = [f"- {name}: {said}\n" for name, said in data["versions"].items()]
    return "\n".join(parts) + "\n" + "".join(versions + missing)
