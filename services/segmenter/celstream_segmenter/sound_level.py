"""Sound level: how loud a footage is from moment to moment. Only the stretches that are asked for are decoded."""

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from av import AudioFrame
from av.error import FFmpegError
from celstream_platform.errors import Invalid
from numpy.typing import NDArray

from celstream_segmenter.sound_index import SoundIndex, packet_at
from celstream_segmenter.track_reader import TrackReader

BLOCK_SECONDS = 0.02
REACH_BLOCKS = 5  # to each side: the pauses of speech last 0.15 s and more
NOTHING_DB = -120.0  # digital silence, and where the track has no sound


class SoundLevel:
    """The level of one audio track; opens the file when it is asked for the first time."""

    def __init__(self, path: Path, sound: SoundIndex | None) -> None:
        """sound: None where the footage has no audio track."""
        self._path = path
        self._sound = sound
        self._reader: TrackReader | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._reader is not None:
            self._reader.close()

    def level_db(self, seconds: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """The loudest level (root mean square of 20 ms, dB of full scale) about each moment.

        seconds: moments on the footage's time axis, ascending. NaN where the sound cannot be decoded; None where the
        footage has none.
        """
        sound = self._sound
        if sound is None or not len(sound.packet_starts) or not len(seconds):
            return None
        rate = sound.sample_rate
        first = int(np.floor(seconds[0] / BLOCK_SECONDS)) - REACH_BLOCKS
        count = int(np.floor(seconds[-1] / BLOCK_SECONDS)) + REACH_BLOCKS + 1 - first
        power, samples = np.zeros(count), np.zeros(count)
        start = max(int(first * BLOCK_SECONDS * rate), sound.first_sample)
        end = min(int((first + count) * BLOCK_SECONDS * rate), sound.end_sample)
        if start < end:
            for at, squares in self._decoded(sound, packet_at(sound, start), packet_at(sound, end - 1)):
                blocks = ((at + np.arange(len(squares)) / rate) / BLOCK_SECONDS).astype(np.int64) - first
                inside = (blocks >= 0) & (blocks < count)
                power += np.bincount(blocks[inside], squares[inside], count)
                samples += np.bincount(blocks[inside], minlength=count)
        with np.errstate(divide="ignore", invalid="ignore"):
            levels = np.maximum(10 * np.log10(power / samples), NOTHING_DB)
        middles = (first + np.arange(count) + 0.5) * BLOCK_SECONDS * rate
        outside = (samples == 0) & ((middles < sound.first_sample) | (middles >= sound.end_sample))
        levels[outside] = NOTHING_DB
        window = np.lib.stride_tricks.sliding_window_view(levels, 2 * REACH_BLOCKS + 1)
        places = np.floor(seconds / BLOCK_SECONDS).astype(np.int64) - first - REACH_BLOCKS
        return np.asarray(window.max(axis=1)[places], np.float64)

    def _decoded(self, sound: SoundIndex, first: int, last: int) -> Iterator[tuple[float, NDArray[np.float64]]]:
        """Time in seconds, and the mean square of each sample over the channels, of every frame of packets."""
        try:
            if self._reader is None:
                self._reader = TrackReader(self._path, sound.stream_index, sound.packet_pts, sound.packet_sizes)
            for number, packet in self._reader.packets(first, last):
                try:
                    frames: list[Any] = packet.decode()
                except FFmpegError:
                    continue  # damaged: how loud it is there stays unknown
                at = float(sound.packet_starts[number] / sound.sample_rate)
                for frame in frames:
                    squares = _squares(frame)
                    yield (at if frame.pts is None else float(frame.pts * frame.time_base)), squares
                    at += len(squares) / sound.sample_rate
        except (Invalid, FFmpegError):
            return  # the rest cannot be read again, which the cut will tell: here it only stays unknown


def _squares(frame: AudioFrame) -> NDArray[np.float64]:
    values = frame.to_ndarray()
    if not frame.format.is_planar:
        values = values.reshape(-1, frame.layout.nb_channels).T
    scaled = values.astype(np.float64)
    if values.dtype == np.uint8:
        scaled = (scaled - 128) / 128
    elif values.dtype.kind == "i":
        scaled /= 2.0 ** (8 * values.dtype.itemsize - 1)
    return np.asarray((scaled * scaled).mean(axis=0), np.float64)
