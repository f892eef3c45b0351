"""The frame of every inline SVG: it stretches to the place it gets, so it holds shapes only and no text."""

from markupsafe import Markup, escape

WIDTH = 1000  # the pictures' own units, across


def svg(height: float, body: str, label: str, css: str) -> Markup:
    """A picture of WIDTH x `height` units. body: its shapes, whose texts are escaped; label: read out in its place."""
    return Markup(  # noqa: S704 - made of numbers and of text that is escaped here
        f'<svg class="{css}" viewBox="0 0 {WIDTH} {height:g}" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(label)}">{body}</svg>'
    )
