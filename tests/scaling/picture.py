"""A picture of replays: footage that is not finished, and pods, through the day. SVG, drawn by hand."""

from collections.abc import Sequence
from dataclasses import dataclass

from tests.scaling.replay import History

HOUR = 3600.0
WIDTH, HEIGHT, LEFT, GAP = 460, 130, 52, 46
COLUMN = LEFT + WIDTH + 24
BINS = 460


@dataclass(frozen=True, slots=True)
class Column:
    """One replay. always: the same footage where all pods are always there; bound: of the footage left."""

    title: str
    history: History
    always: History
    bound: float
    seconds: float


def draw(columns: Sequence[Column]) -> str:
    """The picture as SVG."""
    parts = [part for index, column in enumerate(columns) for part in _column(column, index * COLUMN)]
    width, height = COLUMN * len(columns), 2 * (HEIGHT + GAP) + 34
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
            'font-family="sans-serif" font-size="11">',
            f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
            *parts,
            "</svg>\n",
        ]
    )


def _column(column: Column, x: float) -> list[str]:
    left = column.history.left
    highest = max(column.bound, *(many for _, many in left))
    first = [
        _line(left, column.seconds, highest, "#c0392b", 1.4),
        _line(column.always.left, column.seconds, highest, "#7f8c8d", 1.0, dashes="3 2"),
        _level(column.bound, highest, "bound"),
    ]
    pods = column.history.pods
    second = [_line(pods, column.seconds, max(many for _, many in pods), "#1f5fa8", 1.4)]
    legend = '<tspan fill="#c0392b">as the chart scales</tspan>, <tspan fill="#6c7a7b">all pods there (dashed)</tspan>'
    return [
        f'<text x="{x + LEFT}" y="16" font-weight="bold">{column.title}</text>',
        *_panel(x, 34, f"footage not finished: {legend}", highest, column.seconds, first),
        *_panel(
            x, 34 + HEIGHT + GAP, "pods that there shall be", max(many for _, many in pods), column.seconds, second
        ),
    ]


def _panel(x: float, y: float, title: str, highest: float, seconds: float, inside: Sequence[str]) -> list[str]:
    hours = [(hour, WIDTH * hour * HOUR / seconds) for hour in range(0, int(seconds / HOUR) + 1, 3)]
    marks = [
        f'<text x="{place:.0f}" y="{HEIGHT + 13}" text-anchor="middle" fill="#555">{hour}</text>'
        for hour, place in hours
    ]
    return [
        f'<g transform="translate({x + LEFT} {y})">',
        f'<text x="0" y="-5" fill="#333">{title}</text>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#bbb"/>',
        f'<text x="-5" y="9" text-anchor="end" fill="#555">{highest:.0f}</text>',
        f'<text x="-5" y="{HEIGHT}" text-anchor="end" fill="#555">0</text>',
        *marks,
        f'<text x="{WIDTH}" y="{HEIGHT + 26}" text-anchor="end" fill="#555">hours</text>',
        *inside,
        "</g>",
    ]


def _line(
    points: Sequence[tuple[float, int]], seconds: float, highest: float, colour: str, width: float, dashes: str = ""
) -> str:
    """A line of the highest value in each bin. points: (time, value from then on)."""
    tops = [0] * BINS
    last, at = 0, 0
    for when, value in points:
        now = min(BINS - 1, int(BINS * when / seconds))
        for between in range(at + 1, now + 1):
            tops[between] = last
        tops[now] = max(tops[now], value)
        last, at = value, now
    tops[at + 1 :] = [last] * (BINS - at - 1)
    heights = [HEIGHT * (1 - top / max(highest, 1)) for top in tops]
    path = [f"M0 {heights[0]:.1f}"]
    for index in range(1, BINS):
        if heights[index] != heights[index - 1]:
            path.append(f"H{WIDTH * index / BINS:.0f}V{heights[index]:.1f}")
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'<path d="{"".join(path)}H{WIDTH}" fill="none" stroke="{colour}" stroke-width="{width}"{dashed}/>'


def _level(value: float, highest: float, name: str) -> str:
    y = HEIGHT * (1 - value / max(highest, 1))
    return (
        f'<path d="M0 {y:.1f}H{WIDTH}" stroke="#2e8b57" stroke-dasharray="6 3"/>'
        f'<text x="{WIDTH - 4}" y="{y + 12:.1f}" text-anchor="end" fill="#2e8b57">{name}</text>'
    )
