"""What a film would show had no drawing begun in a frame: so what a drawing changes is known without the camera.

Where the camera stands and nothing flashes, the lossless frame before is that picture. Under a move or a flash the
whole picture changes, and the scene is drawn again with the drawing before, seen as the frame itself sees it.
"""

from collections.abc import Iterator, Sequence

import celstream_renderer as renderer
import cv2
import numpy as np
from celstream_renderer import camera as cameras
from celstream_renderer.delivery import file_frames
from celstream_renderer.scene import SceneFrames
from celstream_renderer.timeline import ShotSpan, shot_spans
from numpy.typing import NDArray

BT709_LUMA = (0.2126, 0.7152, 0.0722)
LIMITED_RANGE = 219 / 255
DARKEST = 16

Luma = NDArray[np.float32]


def held_lumas(film: renderer.Film, delivery: renderer.Delivery) -> Iterator[Luma | None]:
    """For each frame of the film's file its luma (height x width, 0-255), had no drawing begun in it.

    None where the frame before tells as much, in transitions, and where no drawing begins. For a film without bars.
    """
    spans = shot_spans(film)
    places = file_frames(renderer.frame_count(film), film.fps, delivery)
    scenes: dict[int, _HeldScene] = {}
    for place in places:
        numbers = (place.first, place.second) if place.fields else (place.first,)
        lines = [_held(film, spans, scenes, number) for number in numbers]
        top, bottom = lines[0], lines[-1]
        if top is None or bottom is None:
            yield None
            continue
        woven = top.copy()
        woven[1::2] = bottom[1::2]
        yield woven


class _HeldScene:
    """The frames of a scene, each with the drawing of the frame before."""

    def __init__(self, scene: renderer.Scene, frames: int, film: renderer.Film) -> None:
        self._source = SceneFrames(scene, frames, film.fps, film.size)
        shown = self._source._drawing_of
        self.starts = np.append(False, shown[1:] != shown[:-1])
        self._source._drawing_of = np.append(shown[:1], shown[:-1])
        self._lumas: dict[int, Luma] = {}

    def luma(self, number: int) -> Luma:
        """Of a frame of the scene; the last few are kept, for the two fields that show one."""
        if number not in self._lumas:
            if len(self._lumas) > 3:
                self._lumas.clear()
            self._lumas[number] = DARKEST + LIMITED_RANGE * cv2.transform(
                self._source.picture(number).astype(np.float32), np.array([BT709_LUMA])
            )
        return self._lumas[number]


def _held(film: renderer.Film, spans: Sequence[ShotSpan], scenes: dict[int, _HeldScene], number: int) -> Luma | None:
    """The luma of one film frame with the drawing before, if only drawing it anew tells."""
    span = next((span for span in spans if span.clean_start <= number < span.clean_end), None)
    if span is None:
        return None
    shot = film.shots[span.index]
    scene = shot.content
    if not isinstance(scene, renderer.Scene) or not (cameras.moves(scene.camera) or scene.flashes):
        return None
    if span.index not in scenes:
        scenes.clear()
        scenes[span.index] = _HeldScene(scene, shot.frames, film)
    return scenes[span.index].luma(number - span.start)
