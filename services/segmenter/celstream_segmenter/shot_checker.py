"""Looks at the shots of a footage a second time, one after the other, with the pictures that are still at hand.

The latest pictures are kept by the decoding pass. Of what is older one picture every half a second has to do, and of a
shot that goes on for very long every second one of these, and so on: memory is bounded whatever the length.
"""

from bisect import bisect_left
from collections.abc import Callable

from celstream_segmenter.segmentation_check import KEY_SECONDS, doubts
from celstream_segmenter.shots import Doubt, Shot
from celstream_segmenter.small_pictures import SmallPicture
from celstream_segmenter.transition_features import Sample, sample

MOST_KEPT = 256  # pictures; 12 MB at 1080p


class ShotChecker:
    """Takes every picture, and each shot once it is certain."""

    def __init__(self, fps: float, recent: Callable[[int], SmallPicture | None]) -> None:
        """recent: one of the latest pictures by its frame's number, None for an older one."""
        self._fps = fps
        self._recent = recent
        self._every = max(1, round(KEY_SECONDS * fps))
        self._kept: dict[int, SmallPicture] = {}
        self._before: Shot | None = None

    def add(self, frame: int, picture: SmallPicture) -> None:
        """Take the picture of the next frame."""
        if frame % self._every:
            return
        self._kept[frame] = picture
        if len(self._kept) > MOST_KEPT:
            self._every *= 2
            self._kept = {kept: one for kept, one in self._kept.items() if kept % self._every == 0}

    def check(self, shot: Shot) -> list[Doubt]:
        """Doubts about the shot, and about the cut between it and the one before."""
        before, self._before = self._before, shot
        found = doubts([before, shot] if before else [shot], self._picture, self._fps)
        oldest = (before or shot).start_frame
        self._kept = {kept: one for kept, one in self._kept.items() if kept >= oldest}
        return [doubt for doubt in found if doubt.ordinal == shot.ordinal]

    def _picture(self, frame: int) -> Sample:
        picture = self._recent(frame)
        if picture is None:
            numbers = list(self._kept)
            at = min(bisect_left(numbers, frame), len(numbers) - 1)
            picture = self._kept[numbers[at]]
        return sample(picture.luma, picture.chroma)
