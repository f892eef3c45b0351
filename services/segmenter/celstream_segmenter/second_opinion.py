"""The second opinion on a change that may be a hard cut: a large network is asked where the small one is unsure.

The small one (`cut_model`) looks at a second around the change, in all the detail of the small pictures; the large
one (TransNetV2, arXiv:2008.04838) at four seconds, in pictures of 48x27 pixels. A question takes it most of a second of
processor time: it is asked about what is doubtful, and nothing else.

It may make a cut of what was nearly none, and not the other way round: where other figures stand before the same
background it sees no cut, and most doubtful cuts of cartoons are of that kind. Of 19 true cuts that the first opinion
gave 0.4 to 0.92, in six labelled and eleven rendered films, it gave 5 a half or more.
"""

from collections import deque
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from celstream_segmenter.cut_model import CUT_PROBABILITY
from celstream_segmenter.small_pictures import SmallPicture

FRAMES, HEIGHT, WIDTH = 100, 27, 48  # what the network was trained on
AFTER = 39  # frames after the one in question; the network is to be believed in the middle half of its window
UNSURE = 0.1  # from this probability of the first opinion on, up to that of a cut, the second one is asked
CONVINCED = 0.9  # probability from which the second opinion makes a cut of it


class Asked(Protocol):
    """Who has the second opinion."""

    def __call__(self, frames: NDArray[np.uint8], /) -> NDArray[np.float32]:
        """For each frame the probability 0-1 that it is the last before a transition's middle.

        frames: FRAMES x HEIGHT x WIDTH x 3, red, green, blue, 0-255. Raises what keeps it from answering.
        """


class SecondOpinion:
    """Keeps the recent pictures of a footage, and asks about those around a doubtful change."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._recent: deque[SmallPicture] = deque(maxlen=FRAMES)
        self._length = 0

    def add(self, picture: SmallPicture) -> None:
        """The next frame."""
        self._recent.append(picture)
        self._length += 1

    def on(self, frame: int, probability: float) -> float:
        """The probability of a cut before `frame`: the second opinion where the first is in doubt, and it is not.

        frame: one of the last, AFTER of which have come since; fewer at the end of the footage.
        """
        if not UNSURE <= probability < CUT_PROBABILITY:
            return probability
        first = frame + AFTER + 1 - FRAMES
        oldest = self._length - len(self._recent)
        # Beyond the ends of what was seen its first and last pictures are repeated, as the network is used to.
        numbers = np.clip(np.arange(first, first + FRAMES), oldest, self._length - 1) - oldest
        seen = {number: network_picture(self._recent[number]) for number in sorted(set(numbers.tolist()))}
        chances = self._asked(np.stack([seen[number] for number in numbers.tolist()]))
        last_before = frame - 1 - first
        second = float(chances[last_before - 1 : last_before + 2].max())
        return second if second >= CONVINCED else probability


def network_picture(picture: SmallPicture) -> NDArray[np.uint8]:
    """HEIGHT x WIDTH x 3, red, green, blue, 0-255, squeezed to that shape as the network's training footage was."""
    small = cv2.resize(picture.bgr(), (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(small[..., ::-1])
