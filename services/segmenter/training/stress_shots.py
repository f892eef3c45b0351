"""Shots by chance in which much happens that is no transition: pans, whips, flashes, strobes, passing things."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from paintings import Figure, Picture, clouds, colour, painting, title

WIDTH, HEIGHT = 256, 144
_GRAIN = np.random.default_rng(1).normal(0, 1, (HEIGHT, WIDTH, 3)).astype(np.float32)
MOVES = ("static", "pan", "zoom", "shake", "hand", "whip", "snap", "fast")
EVENTS = (
    "flash",
    "flash",
    "strobe",
    "pass",
    "pass",
    "big_pass",
    "pop",
    "dip",
    "title",
    "speed",
    "lightning",
    "thrust",
    "thrust",
)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happens in a shot from frame `start` on, `length` frames long or so."""

    kind: str
    start: int
    length: int
    seed: int


class Card:
    """A title card, still."""

    def __init__(self, rng: np.random.Generator, frames: int) -> None:
        self.frames = frames
        self.ground = cv2.resize(title(rng, WIDTH, HEIGHT), (WIDTH * 3, HEIGHT * 2))
        self._picture = title(rng, WIDTH, HEIGHT)
        self.end_view = (0.5, 0.5, 1.0)

    def frame(self, time: int) -> Picture:
        return self._picture.copy()


class Scene:
    """Figures before a painting, seen by a camera."""

    def __init__(
        self,
        rng: np.random.Generator,
        frames: int,
        ground: Picture | None = None,
        view: tuple[float, float, float] | None = None,
    ) -> None:
        """ground, view: those of another shot, for a cut before the same background."""
        self.frames = frames
        self.ground = painting(rng, WIDTH * 3, HEIGHT * 2) if ground is None else ground
        self._view = view or (rng.uniform(0.2, 0.8), rng.uniform(0.2, 0.8), rng.uniform(1, 1.8))
        weights = (0.34, 0.18, 0.1, 0.07, 0.1, 0.1, 0.06, 0.05)
        self._move = "static" if view is not None else str(rng.choice(MOVES, p=weights))
        count = int(rng.choice([0, 1, 1, 2, 3]))
        self._figures = [Figure(rng, WIDTH, HEIGHT) for _ in range(max(count, 1 if ground is not None else 0))]
        self._hold = int(rng.choice([1, 2, 3, 4], p=[0.35, 0.3, 0.2, 0.15]))
        self._action = str(rng.choice(["still", "walk", "snap", "wave"], p=[0.3, 0.3, 0.15, 0.25]))
        self._drift = rng.uniform(-1, 1) * rng.choice([0.002, 0.006, 0.02])
        if self._move == "fast":
            self._drift = rng.choice([-1, 1]) * rng.uniform(0.03, 0.08)
        self._whip_start, self._whip_length = int(rng.integers(0, max(4, frames - 4))), int(rng.integers(3, 12))
        self._snow, self._grain = bool(rng.random() < 0.12), float(rng.choice([0, 0, 0, 2, 5]))
        self._events: list[Event] = []
        if frames > 20:
            for _ in range(int(rng.choice([0, 0, 1, 1, 2]))):
                start, length = int(rng.integers(4, frames - 10)), int(rng.integers(1, 8))
                self._events.append(Event(str(rng.choice(EVENTS)), start, length, int(rng.integers(1 << 30))))
        self.end_view = self._camera(frames - 1)

    def _camera(self, time: float) -> tuple[float, float, float]:
        x, y, zoom = self._view
        if self._move in ("pan", "fast"):
            x += self._drift * time
        elif self._move == "zoom":
            zoom *= 1 + self._drift * 0.5 * time if self._drift > 0 else 1 / (1 - self._drift * 0.5 * time)
        elif self._move == "hand":
            x, y = x + 0.006 * np.sin(time * 0.31) + 0.004 * np.sin(time * 0.83), y + 0.006 * np.sin(time * 0.23 + 1)
        elif self._move == "shake":
            shake = np.random.default_rng(int(time)).uniform(-0.02, 0.02, 2)
            x, y = x + shake[0], y + shake[1]
        elif self._move in ("whip", "snap"):
            length = self._whip_length if self._move == "whip" else 3
            done = float(np.clip((time - self._whip_start) / length, 0, 1))
            eased = done * done * (3 - 2 * done)
            if self._move == "whip":
                x = 0.1 + 0.8 * (eased if self._drift > 0 else 1 - eased)
            else:
                zoom *= 1 + 0.8 * eased
        return abs((x + 1) % 2 - 1), abs((y + 1) % 2 - 1), float(np.clip(zoom, 1, 4))

    def _look(self, time: int) -> Picture:
        blurred = self._move in ("whip", "snap", "fast")
        moments = 6 if blurred else 1  # motion blur: the shutter is open for 0.7 of a frame
        total = np.zeros((HEIGHT, WIDTH, 3), np.float32)
        height, width = self.ground.shape[:2]
        for moment in range(moments):
            x, y, zoom = self._camera(time + moment / moments * 0.7)
            seen_width, seen_height = WIDTH * 1.4 / zoom, HEIGHT * 1.4 / zoom
            centre_x = seen_width / 2 + x * (width - seen_width)
            centre_y = seen_height / 2 + y * (height - seen_height)
            scale_x, scale_y = WIDTH / seen_width, HEIGHT / seen_height
            matrix = np.array(
                [[scale_x, 0, WIDTH / 2 - centre_x * scale_x], [0, scale_y, HEIGHT / 2 - centre_y * scale_y]],
                np.float32,
            )
            total += cv2.warpAffine(self.ground, matrix, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REFLECT)
        return (total / moments).astype(np.uint8)

    def frame(self, time: int) -> Picture:
        canvas = self._look(time)
        drawing = time // self._hold
        start, now = self._camera(0), self._camera(time)
        for figure in self._figures:
            walked = figure.speed * drawing * self._hold * 0.5 if self._action == "walk" else 0.0
            pose = {"still": 0, "walk": drawing, "snap": drawing // 9, "wave": 0}[self._action]
            sway = float(np.sin(drawing * 0.7)) if self._action == "wave" else 0.0
            figure.draw(canvas, figure.x + walked - (now[0] - start[0]) * WIDTH * 2.4, now[2] / start[2], pose, sway)
        if self._snow:
            for x, y in np.random.default_rng(7).random((80, 2)):
                place = (int((x * WIDTH + time * 1.5) % WIDTH), int((y * HEIGHT + time * 4) % HEIGHT))
                cv2.circle(canvas, place, 1 + int(x * 7) % 2, (240, 240, 240), -1)
        for event in self._events:
            canvas = _happen(canvas, event, time)
        if self._grain:
            noise = np.roll(_GRAIN, (time * 37, time * 91), axis=(0, 1)) * self._grain
            canvas = np.clip(canvas + noise.astype(np.int16), 0, 255).astype(np.uint8)
        return canvas


def _happen(canvas: Picture, event: Event, time: int) -> Picture:
    rng = np.random.default_rng(event.seed)
    since, length = time - event.start, event.length
    if since < 0:
        return canvas
    match event.kind:
        case "thrust" if since < 40:  # a fist comes towards the camera, in a few drawings
            held = int(rng.integers(1, 5))
            # It withdraws as it came: a fist that is gone from one frame to the next would be a cut to the eye.
            near = min(1.0, (min(since, 39 - since) // held + 1) / int(rng.integers(2, 7)))
            place = (int(WIDTH * rng.uniform(0.2, 0.8)), int(HEIGHT * rng.uniform(0.4, 1.0)))
            axes = (int(WIDTH * near * rng.uniform(0.3, 0.7)), int(HEIGHT * near * rng.uniform(0.4, 0.9)))
            cv2.ellipse(canvas, place, axes, 0, 0, 360, colour(rng), -1, cv2.LINE_AA)
            for finger in range(3):
                tip = (place[0] + (finger - 1) * axes[0] // 2, place[1] - axes[1])
                cv2.line(canvas, place, tip, colour(rng), max(1, axes[0] // 6), cv2.LINE_AA)
        case "flash" if since < min(length, 4):
            plain = np.full_like(canvas, colour(rng) if rng.random() < 0.3 else (255 if rng.random() < 0.7 else 0))
            share = rng.choice([1.0, 0.7 * (1 - since / 6)])
            return cv2.addWeighted(canvas, 1 - share, plain, share, 0) if rng.random() < 0.8 else 255 - canvas
        case "strobe" if since < length * 3:
            period = 1 if rng.random() < 0.6 else 2
            light = 255 if rng.random() < 0.6 else 0
            return np.full_like(canvas, light) if since // period % 2 == 0 else canvas
        case "lightning" if since < 5:
            return cv2.convertScaleAbs(canvas, alpha=1 + 2 * np.exp(-since * 0.8), beta=60 * np.exp(-since))
        case "dip" if since <= 2 * length + 2:
            return cv2.convertScaleAbs(canvas, alpha=0.1 + 0.9 * abs(since - length - 1) / (length + 1))
        case "pop" if length % 2 or since < 30:
            place, size = (int(rng.integers(0, WIDTH)), int(rng.integers(0, HEIGHT))), int(rng.integers(5, 30))
            cv2.circle(canvas, place, size, colour(rng), -1, cv2.LINE_AA)
        case "title" if length % 2 or since < 40:
            place = (int(rng.integers(0, 80)), int(rng.integers(30, HEIGHT - 10)))
            cv2.putText(canvas, "ABCDEFGHIJKL"[: length + 3], place, 0, rng.uniform(0.7, 1.6), colour(rng), 2)
        case "speed" if since < length * 2:
            lines = np.random.default_rng(time)
            for _ in range(30):
                x, y = int(lines.integers(-40, WIDTH)), int(lines.integers(0, HEIGHT))
                tint = (255, 255, 255) if lines.random() < 0.7 else (0, 0, 0)
                cv2.line(canvas, (x, y), (x + int(lines.integers(40, 200)), y), tint, int(lines.integers(1, 4)))
        case "pass" | "big_pass" if since <= length + 1:
            wide = rng.uniform(0.3, 0.8) if event.kind == "pass" else rng.uniform(1.2, 1.9)
            width, height = int(WIDTH * wide), int(HEIGHT * rng.uniform(0.6, 1.6))
            body = clouds(rng, width, height, 4)
            for _ in range(int(rng.integers(0, 6))):
                corner = (int(rng.integers(0, width)), int(rng.integers(0, height)))
                cv2.rectangle(body, corner, (corner[0] + width // 4, corner[1] + height // 3), colour(rng), -1)
            way = WIDTH + width
            left = -width + way * (since + 0.5) / (length + 2)
            if rng.random() < 0.5:
                left = WIDTH - width - left
            body = cv2.blur(body, (max(1, int(way / (length + 2) * 0.4)), 1))
            shape = np.full((height, width), 255, np.uint8)
            if rng.random() < 0.5:
                shape[:] = 0
                cv2.ellipse(shape, (width // 2, height // 2), (width // 2, height // 2), 0, 0, 360, 255, -1)
            matrix = np.array([[1, 0, left], [0, 1, HEIGHT - height + rng.uniform(0, 0.3) * HEIGHT]], np.float32)
            inside = cv2.warpAffine(shape, matrix, (WIDTH, HEIGHT)) > 127
            canvas[inside] = cv2.warpAffine(body, matrix, (WIDTH, HEIGHT))[inside]
    return canvas
