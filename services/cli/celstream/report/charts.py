"""Pictures of numbers as inline SVG: shapes only.

Every picture stretches to the place it gets (`preserveAspectRatio="none"`), so it holds no text: labels are HTML beside
it and stay readable on a phone. Colours come from the page's style sheet by class, so that light and dark both fit.
"""

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup, escape

from celstream.contents import FootageContents, rejection_reason
from celstream.report.figures import REASON_WORDS, Balance, Bin
from celstream.report.svg import WIDTH, svg
from celstream.report.words import clock

MOST_TITLED = 200  # boxes of a band; more are too narrow to point at
CURVE_POINTS = 900  # more is not seen on a page of 1,100 px
MARK = 10.0  # height of a transition's mark, by its confidence


def bars(bins: Sequence[Bin], label: str) -> Markup:
    """A histogram: one bar a bin, each with a title that says its range and count."""
    if not bins:
        return Markup("")
    top = max(entry.count for entry in bins)
    step = WIDTH / len(bins)
    gap = min(6.0, step * 0.2)
    body = "".join(
        f'<rect x="{index * step + gap / 2:.1f}" y="{100 - 100 * entry.count / top:.1f}" width="{step - gap:.1f}" '
        f'height="{100 * entry.count / top:.1f}"><title>{entry.start:g} to {entry.end:g}: {entry.count}</title></rect>'
        for index, entry in enumerate(bins)
    )
    return svg(100, body, label, "bars")


def funnel(balance: Balance) -> Markup:
    """The way of the footage's time from left (all of it) to right (the clips); each loss leaves downwards."""
    height, node = 200.0, 8.0
    total = balance.footage_seconds or 1.0
    losses = [loss for loss in balance.losses if loss.seconds > 0]
    gap = 14.0 if losses else 0.0
    scale = (height - gap * len(losses)) / total
    whole, kept = balance.footage_seconds * scale, balance.clip_seconds * scale
    body = [f'<rect class="node" x="0" y="0" width="{node}" height="{whole:.2f}"/>']
    left = right = 0.0
    streams = [("kept", "clips", balance.clip_seconds, kept)]
    streams += [("lost", loss.reason, loss.seconds, loss.seconds * scale) for loss in losses]
    for css, words, seconds, thickness in streams:
        a, b, half, far = left, right, WIDTH / 2, WIDTH - node
        body.append(
            f'<path class="{css}" d="M{node} {a:.2f}C{half} {a:.2f} {half} {b:.2f} {far} {b:.2f}'
            f"V{b + thickness:.2f}C{half} {b + thickness:.2f} {half} {a + thickness:.2f} {node} {a + thickness:.2f}Z"
            f'"><title>{escape(words)}: {clock(seconds)}</title></path>'
            f'<rect class="node {css}" x="{far}" y="{b:.2f}" width="{node}" height="{max(thickness, 1):.2f}"/>'
        )
        left += thickness
        right += thickness + gap
    return svg(height, "".join(body), "From footage to clips", "funnel")


def change_curve(change: Sequence[float], threshold: float, first: int, last: int) -> Markup:
    """How much each of the frames [first, last) differs from the one before it, with the threshold of a cut.

    The ordinate is a square root, so that motion inside shots shows beside cuts. Frames are pooled by their maximum.
    """
    values = np.sqrt(np.maximum(np.asarray(change[first:last], dtype=np.float64), 0.0))
    if not len(values):
        return Markup("")
    level = float(np.sqrt(max(threshold, 0.0)))
    top = max(float(values.max()), level * 1.15, 1e-6)
    count = min(CURVE_POINTS, len(values))
    edges = np.linspace(0, len(values), count + 1).astype(int)
    pooled = np.maximum.reduceat(values, edges[:-1])
    xs = (edges[:-1] + edges[1:]) / 2 * WIDTH / len(values)
    points = " ".join(f"{x:.1f} {100 - 100 * y / top:.1f}" for x, y in zip(xs, pooled, strict=True))
    body = f'<path class="area" d="M0 100L{points}L{WIDTH} 100Z"/><path class="line" d="M{points}"/>'
    if threshold > 0:
        y = 100 - 100 * level / top
        # The slider moves the line; the ordinate's end tells it where to.
        body += f'<path class="threshold" data-top="{top:.4f}" d="M0 {y:.1f}H{WIDTH}"/>'
    return svg(100, body, "Change from frame to frame, with the threshold of a cut", "curve")


def film_band(contents: FootageContents, first: int, last: int) -> Markup:
    """The frames [first, last) as a band: clips, what was refused, and above it transitions, the surer the higher."""
    scale = WIDTH / max(last - first, 1)
    body: list[str] = []
    titled = (
        sum(first < clip.range.end_frame and clip.range.start_frame < last for clip in contents.clips) <= MOST_TITLED
    )

    def span(css: str, start: int, end: int, title: str, y: float, height: float, least: float) -> None:
        if end < first or start > last:
            return
        x = (max(start, first) - first) * scale
        width = max((min(end, last) - max(start, first)) * scale, least)
        place = f'x="{min(x, WIDTH - width):.2f}" y="{y:g}" width="{width:.2f}" height="{height:.3g}"'
        body.append(f'<rect class="{css}" {place}' + (f"><title>{escape(title)}</title></rect>" if titled else "/>"))

    for ordinal, clip in enumerate(contents.clips):
        frames = clip.range
        span(f"clip{ordinal % 2}", frames.start_frame, frames.end_frame, f"clip {ordinal + 1}", 14, 26, 1)
    for rejection in contents.rejections:
        if rejection.HasField("range"):
            words = REASON_WORDS.get(rejection_reason(rejection), "")
            span("refused", rejection.range.start_frame, rejection.range.end_frame, words, 14, 26, 1)
    for transition in contents.analysis.transitions if contents.analysis else ():
        end = max(transition.end_frame + 1, transition.start_frame + 1)
        kind = "cut" if transition.start_frame == transition.end_frame else "gradual"
        sure = transition.confidence
        words = f"{kind} at frame {transition.frame}, confidence {sure:.2f}"
        height = MARK * max(0.25, sure)
        span(kind, transition.start_frame, end, words, MARK - height, height, 1.5)
    return svg(40, "".join(body), "Transitions, clips and rejections along the film", "band")
