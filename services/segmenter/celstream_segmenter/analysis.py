"""The one decoding pass: every analysis of a footage reads the same decoded frames."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.error import FFmpegError
from celstream_platform.errors import Invalid
from celstream_platform.footage.opening import Opened, open_footage
from numpy.typing import NDArray

from celstream_segmenter.detectors import Detector, detector_of
from celstream_segmenter.measurements import FrameMeasurements, FrameMeasurer
from celstream_segmenter.packet_index import packets_through_damage
from celstream_segmenter.rules import SegmentationRules
from celstream_segmenter.shots import Shot, ShotAssembler
from celstream_segmenter.small_pictures import small_picture
from celstream_segmenter.transitions import Transition

FRAMES_PER_REPORT = 50
USUAL_FPS = Fraction(24)  # where the container names no frame rate


@dataclass(frozen=True, slots=True)
class Analysis:
    """What the pass found; frames count from 0 in the decoder's order of output.

    ticks: presentation time of each frame, in time_base (seconds per tick). end_ticks: when the last frame ends.
    corrupt: which frames the decoder had to make up.
    """

    time_base: Fraction
    ticks: NDArray[np.int64]
    end_ticks: int
    corrupt: NDArray[np.bool_]
    transitions: list[Transition]
    shots: list[Shot]
    measurements: FrameMeasurements
    change: list[float]
    change_threshold: float

    def ticks_at(self, frame: int) -> int:
        """When a frame begins; for the number of frames, when the last one ends."""
        return int(self.ticks[frame]) if frame < len(self.ticks) else self.end_ticks

    def seconds(self) -> NDArray[np.float64]:
        """When each frame begins, and as last value when the last one ends, in seconds from the first frame."""
        edges = np.append(self.ticks, self.end_ticks) - self.ticks[0]
        return np.asarray(edges * float(self.time_base), np.float64)


@dataclass(frozen=True, slots=True)
class FramesDecoded:
    """How many frames have been decoded so far."""

    count: int


def decoded_frames(opened: Opened) -> Iterator[av.VideoFrame]:
    """All frames that the decoder gives, in display order; what cannot be read or decoded is passed over."""
    for packet in packets_through_damage(opened.container, (opened.video,)):
        if packet is not None:
            try:
                yield from packet.decode()
            except FFmpegError:
                continue  # the frames that it should have shown are missing in the index's comparison
    with suppress(FFmpegError):
        yield from opened.video.codec_context.decode(None)


class DecodingPass:
    """Decodes a footage once. `steps()` yields each shot as soon as it is certain; `analysis` is there afterwards."""

    def __init__(
        self,
        path: Path,
        rules: SegmentationRules,
        on_frame: Callable[[int, av.VideoFrame, float], None] = lambda ordinal, frame, motion: None,
    ) -> None:
        """on_frame: called with every frame's ordinal, the frame, and its motion (0-255)."""
        self._path = path
        self._rules = rules
        self._on_frame = on_frame
        self._measurer = FrameMeasurer()
        self._assembler = ShotAssembler()
        self._ticks: list[int] = []
        self._corrupt: list[bool] = []
        self._transitions: list[Transition] = []
        self._shots: list[Shot] = []
        self._end_ticks = 0
        self.analysis: Analysis

    def ticks_at(self, frame: int) -> int:
        """When a decoded frame begins, or the last one of a finished pass ends, in ticks of the video stream."""
        return self._ticks[frame] if frame < len(self._ticks) else self._end_ticks

    def steps(self) -> Iterator[Shot | FramesDecoded]:
        """Decode; the count comes every FRAMES_PER_REPORT frames. Raises Invalid where no frame can be decoded."""
        with open_footage(self._path) as opened:
            stream = opened.video
            time_base = Fraction(stream.time_base or Fraction(1, 1000))
            fps = stream.average_rate or stream.guessed_rate
            detector = detector_of(self._rules.detector, float(fps or USUAL_FPS))
            length = 0
            for frame in decoded_frames(opened):
                if frame.pts is None or (self._ticks and frame.pts <= self._ticks[-1]):
                    continue  # cannot be shown at a time of its own
                length = frame.duration
                yield from self._push(detector, frame)
                if len(self._ticks) % FRAMES_PER_REPORT == 0:
                    yield FramesDecoded(len(self._ticks))
        if not self._ticks:
            raise Invalid(f"{self._path.name}: no frame can be decoded. Give a file that plays.")
        ticks = np.array(self._ticks, np.int64)
        if not length:
            length = int(np.median(np.diff(ticks))) if len(ticks) > 1 else round(1 / (fps or USUAL_FPS) / time_base)
        self._end_ticks = int(ticks[-1]) + max(1, length)
        yield from self._add(detector.finish())
        last = self._assembler.finish(len(ticks))
        self._shots += last
        yield from last
        self.analysis = Analysis(
            time_base=time_base,
            ticks=ticks,
            end_ticks=self._end_ticks,
            corrupt=np.array(self._corrupt, np.bool_),
            transitions=self._transitions,
            shots=self._shots,
            measurements=self._measurer.finish(),
            change=list(detector.change),
            change_threshold=detector.change_threshold,
        )

    def _push(self, detector: Detector, frame: av.VideoFrame) -> Iterator[Shot]:
        ordinal = len(self._ticks)
        assert frame.pts is not None
        self._ticks.append(frame.pts)
        self._corrupt.append(frame.is_corrupt)
        picture = small_picture(frame)
        self._on_frame(ordinal, frame, self._measurer.add(picture.luma))
        yield from self._add(detector.push(frame, picture))

    def _add(self, transitions: list[Transition]) -> Iterator[Shot]:
        for transition in transitions:
            self._transitions.append(transition)
            shots = self._assembler.add(transition)
            self._shots += shots
            yield from shots
