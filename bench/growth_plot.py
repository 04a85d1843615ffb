"""A line plot as SVG, both axes logarithmic: x by tens, y by twos."""
import math
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 720, 420
LEFT, TOP, RIGHT, BOTTOM = 64, 44, 218, 56
# Okabe and Ito's, which people with any colour vision can tell apart.
COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"]
DASHES = ["6 4", "2 4"]
TEXT = "#333333"
GRID = "#dddddd"


@dataclass(frozen=True)
class Line:
    name: str
    values: list[float]


@dataclass(frozen=True)
class Axes:
    """From values to pixels."""
    xs: list[int]
    low: int  # of y, in powers of two
    high: int

    def x(self, value: float) -> float:
        first, last = math.log10(self.xs[0]), math.log10(self.xs[-1])
        return LEFT + (math.log10(value) - first) / (last - first) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        part = (math.log2(value) - self.low) / (self.high - self.low)
        return HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM)


def axes(xs: list[int], lines: list[Line]) -> Axes:
    values = [v for line in lines for v in line.values if v > 0]
    low, high = math.floor(math.log2(min(values))), math.ceil(math.log2(max(values)))
    return Axes(xs, min(low, -1), max(high, 2))


def text(x: float, y: float, words: str, anchor: str = "start", more: str = "") -> str:
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>{escape(words)}</text>')


def stroke(x1: float, y1: float, x2: float, y2: float, style: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" {style}/>'


def power_of_two(exponent: int) -> str:
    return f"{2**exponent}" if exponent >= 0 else f"1/{2**-exponent}"


def grid(a: Axes) -> list[str]:
    found = []
    step = max(1, math.ceil((a.high - a.low) / 8))
    for exponent in range(a.low - a.low % step, a.high + 1, step):
        if exponent < a.low:
            continue
        y = a.y(2.0**exponent)
        found.append(stroke(LEFT, y, WIDTH - RIGHT, y, f'stroke="{GRID if exponent else TEXT}"'))
        found.append(text(LEFT - 8, y + 4, power_of_two(exponent), "end"))
    for x in a.xs:
        if math.log10(x).is_integer():
            found.append(stroke(a.x(x), TOP, a.x(x), HEIGHT - BOTTOM, f'stroke="{GRID}"'))
            found.append(text(a.x(x), HEIGHT - BOTTOM + 18, f"{x:,}", "middle"))
    return found


def marker(shape: int, x: float, y: float, colour: str) -> str:
    shapes = ["M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0z", "M-4-4h8v8h-8z", "M0-5L5 4H-5z",
              "M0-5L5 0L0 5L-5 0z", "M0 5L5-4H-5z", "M-4-2h8v4h-8z"]
    return (f'<path d="{shapes[shape % len(shapes)]}" transform="translate({x:.1f} {y:.1f})" '
            f'fill="{colour}"/>')


def path(points: list[tuple[float, float]], style: str) -> str:
    joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{joined}" fill="none" {style}/>'


def points(a: Axes, line: Line) -> list[tuple[float, float]]:
    return [(a.x(x), a.y(max(v, 2.0**a.low))) for x, v in zip(a.xs, line.values, strict=True)]


def drawn(a: Axes, line: Line, index: int) -> list[str]:
    """With its place in the legend."""
    colour = COLOURS[index % len(COLOURS)]
    x, y = WIDTH - RIGHT + 16, TOP + 10 + 22 * index
    style = f'stroke="{colour}" stroke-width="2"'
    found = [path(points(a, line), style), stroke(x, y, x + 24, y, style),
             text(x + 30, y + 4, line.name)]
    return found + [marker(index, px, py, colour) for px, py in [*points(a, line), (x + 12, y)]]


def dashed(a: Axes, line: Line, index: int, below: int) -> list[str]:
    x, y = WIDTH - RIGHT + 16, TOP + 16 + 22 * (below + index)
    style = f'stroke="{TEXT}" stroke-dasharray="{DASHES[index % len(DASHES)]}"'
    return [path(points(a, line), style), stroke(x, y, x + 24, y, style),
            text(x + 30, y + 4, line.name)]


def svg(title: str, xs: list[int], lines: list[Line], limits: list[Line]) -> str:
    a = axes(xs, lines + limits)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12" fill="{TEXT}">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        text(LEFT, 24, title, more=' font-size="14" font-weight="bold"'),
        *grid(a),
        text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 14, "operations", "middle"),
        *(part for i, line in enumerate(limits) for part in dashed(a, line, i, len(lines))),
        *(part for i, line in enumerate(lines) for part in drawn(a, line, i)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"
