"""How a style puts a form on a layer: its outline, its colour, its light and shade."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from celstream_renderer.film import Colour
from celstream_renderer.paint import Layer, tube
from celstream_renderer.styles import Style, mix

Points = NDArray[np.float64]

_NOISE = np.random.default_rng(5).normal(0.0, 1.0, (512, 2))
# Averaged over five neighbours along the edge: a brush wavers, it does not tremble.
_WOBBLE = sum(np.roll(_NOISE, shift, axis=0) for shift in range(5)) / np.sqrt(5)
_LIGHT = np.array([-0.62, -0.78])  # towards the light: upper left
_BLACK: Colour = (0, 0, 0)
_WHITE: Colour = (255, 255, 255)


def shaded(style: Style, colour: Colour) -> Colour:
    """The colour in shade."""
    night = mix(style.ink, (40, 20, 90), 0.6) if style.shading == "cel" else style.ink
    return mix(colour, night, 0.27)


@dataclass(frozen=True, slots=True)
class Pencil:
    """Draws forms of one style. `unit` is the size of what is drawn, in world units (a character's height)."""

    layer: Layer
    style: Style
    unit: float
    pen_share: float | None = None

    @property
    def pen(self) -> float:
        """Width of outlines in world units: somewhat thicker on what is larger."""
        share = self.style.pen if self.pen_share is None else self.pen_share
        return share * min(max(self.unit / 0.62, 0.6), 1.7)

    def _worn(self, points: Points) -> Points:
        if not self.style.wobble:
            return points
        jitter = _WOBBLE[np.arange(len(points)) % 512]
        return np.asarray(points + jitter * (self.style.wobble * self.unit * 0.55))

    def form(self, parts: list[Points], colour: Colour, lit: list[Points] | None = None, *, shade: bool = True) -> None:
        """Draw polygons as one form: one outline around all of them, then the fill, then its lit part.

        lit: polygons of the lit part for cel and soft shading; by default each polygon drawn
        smaller and moved to the light.
        """
        parts = [self._worn(part) for part in parts]
        if self.pen > 0:
            for part in parts:
                self.layer.stroke(part, self.ink_on(colour), 2 * self.pen, closed=True)
        if self.style.shading == "flat" or not shade:
            self._fill(parts, None, colour)
        else:
            self._fill(parts, [towards_light(part) for part in parts] if lit is None else lit, colour)

    def limb(self, lines: list[tuple[Points, float, float]], colour: Colour) -> None:
        """Draw tapering tubes (line, radius at its start, at its end) as one form."""
        if self.pen > 0:
            # A fatter tube below is the same outline as a stroke around the tube, and quicker to draw.
            for line, start, end in lines:
                self.layer.fill(self._worn(tube(line, start + self.pen, end + self.pen)), self.ink_on(colour))
        lit = None
        if self.style.shading != "flat":
            lit = [tube(line + _LIGHT * (0.24 * start), 0.7 * start, 0.7 * end) for line, start, end in lines]
        self._fill([self._worn(tube(line, start, end)) for line, start, end in lines], lit, colour)

    def ink_on(self, colour: Colour) -> Colour:
        """Colour of the outline around a form: ink, or in styles with coloured lines a darker tone of the form."""
        return mix(colour, self.style.ink, 0.42) if self.style.coloured_lines else self.style.ink

    def _fill(self, parts: list[Points], lit: list[Points] | None, colour: Colour) -> None:
        base = colour
        if lit is not None:
            base = shaded(self.style, colour) if self.style.shading == "cel" else mix(colour, self.style.ink, 0.1)
        for part in parts:
            self.layer.fill(part, base)
        for part in lit or ():
            if self.style.shading == "cel":
                self.layer.fill(part, colour)
            else:
                self.layer.fill(part, mix(colour, _WHITE, 0.12), 0.6)

    def line(self, points: Points, width: float | None = None, colour: Colour | None = None) -> None:
        """Draw an open line with the style's ink, at least as visible as a thin pen."""
        pen = max(self.pen, 0.0032) * 1.25 if width is None else width
        self.layer.stroke(points, self.style.ink if colour is None else colour, pen)


def towards_light(points: Points) -> Points:
    """A smaller copy of a polygon, moved to the light and inside it."""
    low, high = points.min(axis=0), points.max(axis=0)
    centre = (low + high) / 2
    return np.asarray(centre + (points - centre) * 0.86 + _LIGHT * (0.055 * float((high - low).min())))
