"""Measurements of clips: gathers what the decoding pass sees frame by frame, and sums it up for each clip."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from celstream_segmenter.cadence import cadence_of, holds
from celstream_segmenter.camera_motion import NOTHING_SEEN, STANDING, STANDS, CameraSight, camera_sight
from celstream_segmenter.camera_move import camera_move, with_creep
from celstream_segmenter.camera_path import camera_path
from celstream_segmenter.drawing_change import Change, change_between
from celstream_segmenter.field_matcher import FieldMatcher, Fields
from celstream_segmenter.field_matching import Match, film_lengths, repeats, telecine_phase
from celstream_segmenter.fingerprint import NEAR_BITS, picture_hash
from celstream_segmenter.full_picture import FullPicture, Glance
from celstream_segmenter.letterbox import picture_rectangle
from celstream_segmenter.measured import (
    HASHES_PER_SECOND,
    CameraMove,
    CameraStep,
    ClipMeasurements,
    Hold,
    Scan,
    StyleHints,
)
from celstream_segmenter.measurements import FrameMeasurements
from celstream_segmenter.picture_style import average_hints, live_action_suspicion, style_hints
from celstream_segmenter.small_pictures import SmallPicture, shrink_factor
from celstream_segmenter.title_cards import text_kind

FLASH_LEVELS = 18.0  # mean luma above or below that of the frames around
FLASH_REACH = 6  # frames to each side; a flash is shorter than half of them
INTERLACED_SHARE = 0.3  # of a clip's frames in which something moves that hold two moments: less are chance
MOVING = 6.0  # levels by which a frame's most changed block differs from the frame before
SEEMS_STILL = 0.5  # of the frames, from which it is asked whether a camera creeps
HASH_SECONDS = 1 / HASHES_PER_SECOND
TIME_ROUNDING = 0.002  # seconds: containers round times to a millisecond
ONE_DRAWING = 0.9  # of a clip's frames showing its longest-held drawing, in which nothing moves


class ClipMeasurer:
    """Takes frames in display order and keeps a few numbers of each; sums up any range of them."""

    def __init__(self, first_frame: int) -> None:
        """first_frame: number of the frame that comes first."""
        self._first = first_frame
        self._size = (0, 0)
        self._seconds: list[float] = []
        self._previous: NDArray[Any] | None = None
        self._changes: list[Change] = []
        self._sights: list[CameraSight] = []
        self._glanced: NDArray[Any] | None = None
        self._glanced_at = first_frame
        self._since_glance: dict[int, CameraSight] = {}
        self._matcher = FieldMatcher()
        self._matches: list[Match | None] = []
        self._glances: dict[int, Glance] = {}
        self._styles: dict[int, StyleHints] = {}
        self._hashes: list[tuple[float, np.uint64]] = []

    def add(self, seconds: float, picture: SmallPicture, full: FullPicture) -> None:
        """Take the next frame, which is shown from `seconds` on."""
        number = self._first + len(self._seconds)
        self._size = full.size
        self._seconds.append(seconds)
        if full.glance is not None:
            self._glances[number] = full.glance
            self._styles[number] = style_hints(picture.luma, picture.chroma)
        if not self._hashes or seconds - self._hashes[-1][0] > HASH_SECONDS - TIME_ROUNDING:
            self._hashes.append((seconds, picture_hash(picture.luma)))
        fields = None
        # The first frame is judged alone, as where work on a long film goes on with it.
        if number > self._first and full.top is not None and full.bottom is not None and full.bottom_before is not None:
            fields = Fields(full.top, full.bottom, full.bottom_before)
        for luma, match in self._matcher.add(picture.luma, fields):
            self._compare(luma, match)

    def _compare(self, luma: NDArray[Any], match: Match | None) -> None:
        """Compare the next frame, put together, with the one before."""
        number = self._first + len(self._changes)
        sight, change = STANDS, Change()
        if self._previous is not None and self._previous.shape == luma.shape:
            sight = camera_sight(luma, self._previous, self._sights[-1].step)
            change = change_between(luma, self._previous, sight.step)
        self._previous = luma
        self._changes.append(change)
        self._sights.append(sight)
        self._matches.append(match)
        if number in self._glances:
            self._since_glance[number] = self._seen_since(luma)
            self._glanced, self._glanced_at = luma, number

    def _settle(self) -> None:
        """Compare what still waits for the frames after it."""
        for luma, match in self._matcher.rest():
            self._compare(luma, match)

    def clip(
        self,
        start_frame: int,
        end_frame: int,
        frames: FrameMeasurements,
        *,
        black_mean_luma: float,
        black_peak_luma: float,
    ) -> ClipMeasurements:
        """Sum up frames [start_frame, end_frame), all of which have been added.

        frames: their measurements. black_*: see `black_or_plain`.
        """
        self._settle()
        part = slice(start_frame - self._first, end_frame - self._first)
        steps, camera = self._camera(start_frame, end_frame)
        scan, phase = self._scan(part)
        drawings = self._drawings(part, phase)
        times = np.array(self._seconds[part])
        seconds = float(times[-1] - times[0] + (np.median(np.diff(times)) if len(times) > 1 else HASH_SECONDS))
        shown = drawings
        if phase is not None:
            lengths = film_lengths([hold.start for hold in drawings], len(steps), phase)
            shown = [Hold(hold.start, length, hold.partial) for hold, length in zip(drawings, lengths, strict=True)]
        numbers = range(start_frame, end_frame)
        glances = [self._glances[number] for number in numbers if number in self._glances]
        style = average_hints([self._styles[number] for number in numbers if number in self._styles])
        longest = max(hold.length for hold in drawings)
        return ClipMeasurements(
            cadence=cadence_of(shown, seconds),
            holds=drawings,
            scan=scan,
            camera=camera,
            steps=steps,
            picture=picture_rectangle([glance.edges for glance in glances], *self._size),
            text=text_kind(
                [glance.text for glance in glances],
                steps[1:],
                one_drawing=longest >= ONE_DRAWING * len(steps),
                fps=len(times) / seconds,
            ),
            black_frames=int(np.sum((frames.brightness < black_mean_luma) & (frames.peak < black_peak_luma))),
            flash_frames=flash_frames(frames.brightness),
            style=style,
            live_action=live_action_suspicion(style, 1 - len(drawings) / len(steps)),
            hashes=self._hashes_of(float(times[0]), seconds),
        )

    def drawings(self, start_frame: int, end_frame: int) -> list[Hold]:
        """The holds of frames [start_frame, end_frame), which have all been added; counted from the first of them."""
        self._settle()
        part = slice(start_frame - self._first, end_frame - self._first)
        return self._drawings(part, self._scan(part)[1])

    def stands(self, start_frame: int, end_frame: int) -> bool:
        """Whether the camera stands from `start_frame` to `end_frame`, and the picture is the same at both ends."""
        self._settle()
        part = slice(start_frame - self._first, end_frame - self._first)
        if self._camera(start_frame, end_frame)[1].kind != "static":
            return False
        first, last = self._seconds[part][0], self._seconds[part][-1]
        hashes = [taken for at, taken in self._hashes if first <= at <= last]
        # A slow zoom hides in the noise of each frame, and shows in the whole.
        return len(hashes) < 2 or int(np.bitwise_count(hashes[0] ^ hashes[-1])) <= NEAR_BITS

    def _seen_since(self, luma: NDArray[Any]) -> CameraSight:
        """What tells of a slow camera, since the last glance; nothing where it was seen to move meanwhile."""
        sights = self._sights[self._glanced_at - self._first + 1 :]
        still = sum(sight.step == STANDING for sight in sights)
        if self._glanced is None or self._glanced.shape != luma.shape or still < SEEMS_STILL * len(sights):
            return NOTHING_SEEN
        return camera_sight(luma, self._glanced, may_whip=False)

    def _camera(self, start_frame: int, end_frame: int) -> tuple[list[CameraStep], CameraMove]:
        """The camera's steps in frames [start_frame, end_frame), the first standing, and its move."""
        steps = camera_path(self._sights[start_frame - self._first + 1 : end_frame - self._first])
        move = camera_move(steps)
        if move.kind == "static":
            places = [number for number in range(start_frame + 1, end_frame) if number in self._since_glance]
            steps = with_creep(steps, [(place - start_frame - 1, self._since_glance[place]) for place in places])
            move = camera_move(steps)
        return [STANDING, *steps], move

    def _drawings(self, part: slice, phase: int | None) -> list[Hold]:
        changes = self._changes[part]
        repeated = None if phase is None else repeats(len(changes), phase)
        return holds(changes, shrink_factor(self._size[1]), repeated)

    def _scan(self, part: slice) -> tuple[Scan, int | None]:
        """How the frames of a clip hold its moments, and where telecine's cycle stands at its first frame."""
        matches = self._matches
        woven = [match if match is not None else Match(late=False, weight=0.0) for match in matches]
        phase = telecine_phase(woven, [change.most for change in self._changes], part.start, part.stop)
        if phase is not None:
            return "telecined", phase
        moving = sum(change.most > MOVING for change in self._changes[part])
        found = sum(match is not None for match in matches[part])
        return ("interlaced" if found and found >= INTERLACED_SHARE * moving else "progressive"), None

    def _hashes_of(self, start: float, seconds: float) -> NDArray[np.uint64]:
        """The hashes of a clip, at equal distances in time: each the last one taken by then."""
        taken = np.array([at for at, _ in self._hashes])
        wanted = start + np.arange(max(1, int(seconds / HASH_SECONDS))) * HASH_SECONDS
        places = np.searchsorted(taken, wanted + TIME_ROUNDING, side="right") - 1
        return np.array([self._hashes[max(0, int(place))][1] for place in places], np.uint64)


def flash_frames(brightness: NDArray[np.float32]) -> int:
    """How many frames are lighter or darker than those around them, and the picture comes back."""
    padded = np.pad(
        brightness.astype(np.float64), FLASH_REACH, mode="reflect" if len(brightness) > FLASH_REACH else "edge"
    )
    around = np.median(np.lib.stride_tricks.sliding_window_view(padded, 2 * FLASH_REACH + 1), axis=1)
    return int(np.count_nonzero(np.abs(brightness - around) > FLASH_LEVELS))
