"""A web page that needs nothing else: headings, tables and plots as SVG.

Text of models goes through `escape` here and nowhere else, so nothing it says is markup.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT, LEFT, BOTTOM = 640, 260, 52, 34
COLOURS = ("#8a8a8a", "#1f77b4", "#d62728", "#2ca02c")

Point = tuple[float, float]

_STYLE = """
body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:#222}
table{border-collapse:collapse;margin:.6rem 0 1.4rem}
td,th{border-bottom:1px solid #ddd;padding:.25rem .7rem;text-align:left;vertical-align:top}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
pre{white-space:pre-wrap;margin:0;max-width:32rem;max-height:16rem;overflow:auto;font-size:13px}
svg{max-width:100%;height:auto}svg text{font:12px system-ui,sans-serif;fill:#444}
.warn{background:#fbe9e7;border-left:4px solid #d62728;padding:.5rem 1rem}
"""


def page(title: str, *parts: str) -> str:
    """A whole document."""
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{_STYLE}</style>'
    body = "\n".join([f"<h1>{escape(title)}</h1>", *parts])
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>\n{body}\n</body></html>\n'


def heading(text: str) -> str:
    """A section begins."""
    return f"<h2>{escape(text)}</h2>"


def paragraph(text: str, *, is_warning: bool = False) -> str:
    """A sentence or two."""
    return f'<p class="warn">{escape(text)}</p>' if is_warning else f"<p>{escape(text)}</p>"


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table; numbers stand right, and a text of several lines keeps them."""
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    lines = [f"<tr>{''.join(_cell(value) for value in row)}</tr>" for row in rows]
    return f"<table><tr>{head}</tr>{''.join(lines)}</table>"


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f'<td class="n">{value:.3f}</td>'
    if isinstance(value, int):
        return f'<td class="n">{value:,}</td>'
    text = escape("" if value is None else str(value))
    return f"<td><pre>{text}</pre></td>" if "\n" in text or len(text) > 60 else f"<td>{text}</td>"


def plot(
    lines: Mapping[str, Sequence[Point]],
    *,
    x: str,
    y: str,
    ranges: Sequence[tuple[float, float, float]] = (),
    x_span: tuple[float, float] | None = None,
    y_span: tuple[float, float] | None = None,
) -> str:
    """Points joined by lines, with a legend where there are several.

    Args:
        lines: (x, y) by name.
        ranges: (x, low, high) of intervals, drawn as bars.
        x_span, y_span: what the axes show; None: what the points need.
    """
    points = [point for one in lines.values() for point in one]
    points += [(at, bound) for at, low, high in ranges for bound in (low, high)]
    if not points:
        return ""
    across = x_span or _span([point[0] for point in points])
    up = y_span or _span([point[1] for point in points])
    parts = [*_axes(across, up, x, y)]
    parts += [_bar(_at((at, low), across, up), _at((at, high), across, up))
              for at, low, high in ranges]  # fmt: skip
    for number, (name, line) in enumerate(lines.items()):
        colour = COLOURS[number % len(COLOURS)]
        parts += _line([_at(point, across, up) for point in line], colour)
        if len(lines) > 1:
            at = LEFT + 10 + 190 * number
            parts.append(f'<rect x="{at}" y="4" width="12" height="4" fill="{colour}"/>')
            parts.append(f'<text x="{at + 18}" y="12">{escape(name)}</text>')
    size = f'viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" role="img" {size}>{"".join(parts)}</svg>'


def _span(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _at(point: Point, across: tuple[float, float], up: tuple[float, float]) -> Point:
    """Where a point stands in the picture."""
    right = (point[0] - across[0]) / (across[1] - across[0])
    high = (point[1] - up[0]) / (up[1] - up[0])
    return LEFT + right * (WIDTH - LEFT - 16), HEIGHT - BOTTOM - high * (HEIGHT - BOTTOM - 24)


def _axes(across: tuple[float, float], up: tuple[float, float], x: str, y: str) -> list[str]:
    parts = []
    for fraction in (0.0, 0.25, 0.5, 0.75, 1.0):
        right = across[0] + fraction * (across[1] - across[0])
        high = up[0] + fraction * (up[1] - up[0])
        column, bottom = _at((right, up[0]), across, up)
        left, row = _at((across[0], high), across, up)
        parts.append(
            f'<line x1="{left}" x2="{WIDTH - 16}" y1="{row:.1f}" y2="{row:.1f}" stroke="#eee"/>'
            f'<text x="{left - 6}" y="{row + 4:.1f}" text-anchor="end">{high:.3g}</text>'
            f'<text x="{column:.1f}" y="{bottom + 15:.1f}" text-anchor="middle">{right:.4g}</text>'
        )
    middle = LEFT + (WIDTH - LEFT) / 2
    parts.append(f'<text x="{middle}" y="{HEIGHT - 3}" text-anchor="middle">{escape(x)}</text>')
    turned = f'transform="translate(12 {HEIGHT / 2}) rotate(-90)"'
    return [*parts, f'<text {turned} text-anchor="middle">{escape(y)}</text>']


def _bar(low: Point, high: Point) -> str:
    return (
        f'<line x1="{low[0]:.1f}" x2="{high[0]:.1f}" y1="{low[1]:.1f}" y2="{high[1]:.1f}" '
        f'stroke="#1f77b4" stroke-width="6" stroke-opacity="0.25"/>'
    )


def _line(points: Sequence[Point], colour: str) -> list[str]:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dots = [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{colour}"/>' for x, y in points]
    return [f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.6"/>', *dots]
