"""Rendering the frames of a scene: backdrop, drawings, camera, overlays."""

from fractions import Fraction

import cv2
import numpy as np
from numpy.typing import NDArray

from celstream_renderer import camera as cameras
from celstream_renderer.backdrop import paint_backdrop
from celstream_renderer.drawings import Drawing, drawings
from celstream_renderer.film import Actor, Scene
from celstream_renderer.overlay import add_flash, draw_passing, draw_speed_lines, draw_stage_prop, on_paper
from celstream_renderer.paint import Layer, Picture, as_picture
from celstream_renderer.pencil import Pencil
from celstream_renderer.puppet import draw_actor
from celstream_renderer.styles import Style, style_named

Points = NDArray[np.float64]


class SceneFrames:
    """The frames of one scene. Frames may be asked for in any order; in order is fastest."""

    def __init__(self, scene: Scene, frames: int, fps: Fraction, size: tuple[int, int]) -> None:
        self.scene = scene
        self.style: Style = style_named(scene.style)
        self.frames = frames
        self.size = size
        self.drawings = drawings(scene, frames, fps, size)
        self._drawing_of = np.repeat(np.arange(len(self.drawings)), [d.length for d in self.drawings])
        camera = scene.camera
        self._moves = cameras.moves(camera)
        self._warped = self._moves or camera.start.degrees != 0.0
        left, top, right, bottom = cameras.extents(camera, frames, size)
        self._scale = size[1] * cameras.closest_zoom(camera, frames)
        if self._warped:
            # A pixel more on each side, so that interpolation at the border finds paint.
            left, top = left - 2 / self._scale, top - 2 / self._scale
            columns, rows = (round((b - a) * self._scale) + 3 for a, b in ((left, right), (top, bottom)))
        else:
            columns, rows = size
        self._stage_size = (columns, rows)
        self._extents = (left, top, left + columns / self._scale, top + rows / self._scale)
        self._stage_drawing: Drawing | None = None
        self._stage: Picture | None = None
        self._still: Picture | None = None

    def picture(self, frame: int) -> Picture:
        """Frame of the shot as RGB, height x width x 3. The array must not be changed."""
        drawing = self.drawings[self._drawing_of[frame]]
        if drawing is not self._stage_drawing:
            self._stage, self._still, self._stage_drawing = self._draw_stage(drawing), None, drawing
        if self._still is not None and not self._moves:
            picture = self._still
        else:
            picture = self._still = self._over_stage(drawing, frame)
        for flash in self.scene.flashes:
            if flash.start <= frame < flash.start + flash.frames:
                picture = add_flash(picture, flash)
        return picture

    def _over_stage(self, drawing: Drawing, frame: int) -> Picture:
        assert self._stage is not None
        picture = self._seen(self._stage, frame) if self._warped else self._stage.copy()
        if self.scene.speed_lines:
            draw_speed_lines(picture, self.style, drawing.lines)
        for prop, state in zip(self.scene.props, drawing.props, strict=True):
            if state is not None and prop.kind.startswith("passing"):
                draw_passing(picture, self.style, prop, state[2])
        return on_paper(picture, self.style)

    def _draw_stage(self, drawing: Drawing) -> Picture:
        stage = paint_backdrop(self.scene.backdrop, self.scene.style, self._extents, self._scale).copy()
        for actor, figure in zip(self.scene.actors, drawing.figures, strict=True):
            layer = self._layer(figure.joints, actor)
            if layer is None:
                continue
            _shadow(stage, layer, actor, figure.joints)
            draw_actor(Pencil(layer, self.style, actor.height), actor, figure.pose, figure.joints, figure.face)
            if self.style.glow:
                _halo(stage, layer, self.style.glow)
            layer.over(stage)
        for prop, state in zip(self.scene.props, drawing.props, strict=True):
            if state is not None and not prop.kind.startswith("passing"):
                at = np.array([state[:2], state[:2]])
                prop_layer = self._box_layer(at.min(axis=0) - prop.size, at.max(axis=0) + prop.size)
                if prop_layer is not None:
                    draw_stage_prop(Pencil(prop_layer, self.style, 0.5), prop, state)
                    prop_layer.over(stage)
        return stage

    def _layer(self, joints: Points, actor: Actor) -> Layer | None:
        margin = 0.16 * actor.height + 0.02
        return self._box_layer(joints.min(axis=0) - margin, joints.max(axis=0) + margin)

    def _box_layer(self, low: Points, high: Points) -> Layer | None:
        origin = np.array(self._extents[:2])
        start = np.floor((low - origin) * self._scale).astype(int)
        end = np.ceil((high - origin) * self._scale).astype(int)
        left, top = max(int(start[0]), 0), max(int(start[1]), 0)
        right, bottom = min(int(end[0]), self._stage_size[0]), min(int(end[1]), self._stage_size[1])
        if left >= right or top >= bottom:
            return None
        offset = (-origin[0] * self._scale, -origin[1] * self._scale)
        return Layer(self._scale, offset, (left, top, right, bottom))

    def _seen(self, stage: Picture, frame: int) -> Picture:
        camera = self.scene.camera
        view = cameras.view_at(camera, frame, self.frames)
        to_world = cameras.inverse(cameras.world_to_picture(view, self.size))
        left, top = self._extents[:2]
        to_stage = np.array([[self._scale, 0.0, -left * self._scale], [0.0, self._scale, -top * self._scale]])
        matrix = cameras.chained(to_stage, to_world)
        # OpenCV counts pixel centres as whole numbers, we as .5.
        matrix[:, 2] += matrix[:, :2] @ np.array([0.5, 0.5]) - 0.5
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        picture = as_picture(cv2.warpAffine(stage, matrix, self.size, flags=flags, borderMode=cv2.BORDER_REPLICATE))
        blur = cameras.whip_pixels(camera, frame, self.frames, self.size[1])
        return as_picture(cv2.blur(picture, (blur, 1))) if blur > 1 else picture


def _shadow(stage: Picture, layer: Layer, actor: Actor, joints: Points) -> None:
    """A soft darkening of the ground under the feet, in place."""
    feet = joints[15:23]
    centre_x = float(feet[:, 0].mean())
    left, top, right, bottom = layer.box
    height, width = bottom - top, right - left
    mask = np.zeros((height, width), np.uint8)
    scale, offset = layer.scale, layer.offset
    at = (centre_x * scale + offset[0] - left, (actor.ground + 0.004) * scale + offset[1] - top)
    rise = max(0.0, actor.ground - float(feet[:, 1].max()))
    wide = 0.15 * actor.height * scale * max(0.4, 1 - rise / max(actor.height, 1e-6))
    axes = (max(1, round(wide * 8)), max(1, round(0.2 * wide * 8)))
    cv2.ellipse(mask, (round(at[0] * 8), round(at[1] * 8)), axes, 0, 0, 360, 70, -1, cv2.LINE_AA, 3)
    part = stage[top:bottom, left:right]
    part[:] = cv2.multiply(part, cv2.cvtColor(255 - mask, cv2.COLOR_GRAY2RGB), scale=1 / 255)


def _halo(stage: Picture, layer: Layer, strength: float) -> None:
    """Light that bright lines of the layer throw on what is around them, in place."""
    left, top, right, bottom = layer.box
    small = cv2.resize(layer.pixels, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)[..., :3]
    blurred = cv2.GaussianBlur(small, (0, 0), max(1.0, layer.scale / 90))
    halo = cv2.resize(cv2.addWeighted(blurred, 1.0, blurred, 0.0, -24.0), (right - left, bottom - top))
    part = stage[top:bottom, left:right]
    cv2.addWeighted(part, 1.0, halo, strength, 0, dst=part)
