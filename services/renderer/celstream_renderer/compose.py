"""A film's frames: shots, transitions, bars."""

from collections.abc import Iterator

import cv2
import numpy as np

from celstream_renderer.cards import CreditFrames, title_picture
from celstream_renderer.film import Black, Credits, Film, Scene, Shot, TitleCard
from celstream_renderer.paint import Picture, as_picture
from celstream_renderer.scene import SceneFrames
from celstream_renderer.timeline import frame_count, shot_spans, weights_of


def picture_box(film: Film) -> tuple[int, int, int, int]:
    """Left, top, width, height in pixels of the drawn picture inside the bars."""
    width, height = film.size
    if film.picture_ratio is None:
        return 0, 0, width, height
    if film.picture_ratio > width / height:
        inner = round(width / film.picture_ratio / 2) * 2
        return 0, (height - inner) // 2, width, inner
    inner = round(height * film.picture_ratio / 2) * 2
    return (width - inner) // 2, 0, inner, height


class _Still:
    def __init__(self, picture: Picture) -> None:
        self._picture = picture

    def picture(self, _: int) -> Picture:
        return self._picture


def shot_frames(film: Film, shot: Shot) -> SceneFrames | CreditFrames | _Still:
    """The source of one shot's own pictures, without transitions."""
    _, _, width, height = picture_box(film)
    content = shot.content
    if isinstance(content, Scene):
        return SceneFrames(content, shot.frames, film.fps, (width, height))
    if isinstance(content, TitleCard):
        return _Still(title_picture(content, (width, height)))
    if isinstance(content, Credits):
        return CreditFrames(content, shot.frames, (width, height))
    if isinstance(content, Black):
        return _Still(np.zeros((height, width, 3), np.uint8))
    raise TypeError(f"content {type(content).__name__}: expected Scene, TitleCard, Credits or Black.")


def frames(film: Film) -> Iterator[Picture]:
    """Every frame of the film in order, RGB, height x width x 3. The arrays must not be changed."""
    spans = shot_spans(film)
    sources: dict[int, SceneFrames | CreditFrames | _Still] = {}
    first = 0
    for frame in range(frame_count(film)):
        while spans[first].end <= frame:
            sources.pop(spans[first].index, None)
            first += 1
        shown = [span for span in spans[first : first + 2] if span.start <= frame < span.end]
        parts: list[tuple[Picture, float]] = []
        for index, local, weight in weights_of(film, shown, frame):
            if index not in sources:
                sources[index] = shot_frames(film, film.shots[index])
            parts.append((sources[index].picture(local), weight))
        kind = film.shots[shown[-1].index].entrance.kind if len(shown) == 2 else "cut"
        yield _in_bars(film, _mixed(parts, kind))


def _mixed(parts: list[tuple[Picture, float]], kind: str) -> Picture:
    if len(parts) == 1:
        picture, weight = parts[0]
        return picture if weight == 1.0 else as_picture(cv2.convertScaleAbs(picture, alpha=weight))
    (old, old_weight), (new, new_weight) = parts
    if kind == "wipe":
        edge = min(max(round(new_weight * old.shape[1]), 1), old.shape[1] - 1)
        return np.hstack([new[:, :edge], old[:, edge:]])
    return as_picture(cv2.addWeighted(old, old_weight, new, new_weight, 0))


def _in_bars(film: Film, picture: Picture) -> Picture:
    left, top, width, height = picture_box(film)
    if (width, height) == film.size:
        return picture
    whole = np.zeros((film.size[1], film.size[0], 3), np.uint8)
    whole[top : top + height, left : left + width] = picture
    return whole
