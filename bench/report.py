"""Numbers and tables, for the terminal and in Markdown."""
import math
import sys

VERDICTS = {True: "met", False: "missed", None: "undecided"}


def number(value: float | None) -> str:
    """Three digits, or all those before the point."""
    if value is None:
        return "–"
    if value <= 0:
        return f"{value:.0f}"
    digits = 2 - math.floor(math.log10(float(f"{value:.3g}")))
    return f"{value:,.{max(0, min(3, digits))}f}"


def factor(value: float) -> str:
    return f"{value:.2f}" if value < 100 else f"{value:,.0f}"


def interval(row: dict) -> str:
    """The ratio of a result and the interval around it."""
    if row["ratio"] is None:
        return "–"
    if row["low"] == row["high"]:
        return factor(row["ratio"])
    return f"{factor(row['ratio'])} [{factor(row['low'])}, {factor(row['high'])}]"


def bar(row: dict) -> str:
    """A factor unless it says otherwise."""
    in_ns = row["unit"] == "ns" and row["against"] == "absolute"
    return f"{row['bar']:g}" + (" ns" if in_ns else "")


def how(row: dict) -> list[str]:
    """By what a row was judged, if not by the wall clock."""
    by = row["judged_by"]
    if by in ("wall", "bytes"):
        return []
    return ["noisy, by instructions" if by == "instructions" else
            by if by == "noisy" else f"by {by}"]


def bold(text: str) -> str:
    return f"\033[1m{text}\033[0m" if sys.stdout.isatty() else text


def line(cells: list[str], widths: list[int]) -> str:
    """A width below zero is that of a column whose text begins at the left."""
    padded = [c.ljust(-w) if w < 0 else c.rjust(w) for c, w in zip(cells, widths, strict=True)]
    return "  ".join(padded).rstrip()


def widths(rows: list[list[str]], left: int = 1) -> list[int]:
    """Those of a table of which all is known; its first `left` columns begin at the left."""
    widest = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [-w if i < left else w for i, w in enumerate(widest)]


def print_table(head: list[str], rows: list[list[str]], left: int = 1) -> None:
    columns = widths([head, *rows], left)
    print(bold(line(head, columns)))
    for row in rows:
        print(line(row, columns))


def markdown(head: list[str], rows: list[list[str]], left: int = 1) -> str:
    rule = [":--" if i < left else "--:" for i in range(len(head))]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |\n"
                   for row in [head, rule, *rows])
