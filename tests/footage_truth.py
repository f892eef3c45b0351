"""The truth about a footage: every frame and sample that a decode of the whole file gives, by libav and by OpenCV."""

import hashlib
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Shown:
    """A decoded frame: when it is shown (seconds) and a digest of its samples, plane by plane."""

    time: Fraction
    digest: str


def frames_of(path: Path) -> list[Shown]:
    """All frames in the order in which libav gives them. Packets that do not decode are passed over."""
    found: list[Shown] = []
    with av.open(path) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_type = "FRAME"
        for packet in _packets(container, stream):
            try:
                frames = stream.codec_context.decode(packet)
            except av.error.FFmpegError:
                continue
            found.extend(Shown(frame.pts * stream.time_base, digest(frame)) for frame in frames)
    return found


def _packets(container: Any, stream: Any) -> Any:
    for _ in range(50):
        try:
            for packet in container.demux(stream):
                yield packet if packet.size else None
        except av.error.FFmpegError:
            continue
        return


def digest(frame: av.VideoFrame) -> str:
    """SHA-1 of the visible samples. Packed RGB counts as its planes, full-range formats as their plain ones."""
    name = frame.format.name
    if name in ("rgb24", "bgr24", "bgr0"):
        frame = frame.reformat(format="gbrp")
    planes = []
    for plane, component in zip(frame.planes, frame.format.components, strict=False):
        rows = np.frombuffer(memoryview(plane), np.uint8)[: plane.height * plane.line_size]
        rows = rows.reshape(plane.height, plane.line_size)
        planes.append(rows[:, : plane.width * ((component.bits + 7) // 8)].tobytes())
    return hashlib.sha1(b"|".join(planes)).hexdigest()


def sound_of(path: Path, track: int = 0) -> tuple[Fraction, NDArray[Any]]:
    """When the audio track starts (seconds), and all its samples: channels x samples."""
    blocks: list[NDArray[Any]] = []
    start: Fraction | None = None
    with av.open(path) as container:
        stream = container.streams.audio[track]
        for frame in container.decode(stream):
            if start is None:
                start = frame.pts * frame.time_base
            block = frame.to_ndarray()
            if not frame.format.is_planar:
                block = block.reshape(-1, frame.layout.nb_channels).T
            blocks.append(block)
    return start or Fraction(0), np.concatenate(blocks, axis=1)


def opencv_frames(path: Path, first: int = 0, count: int | None = None) -> list[str]:
    """Digests of the frames that OpenCV reads, BGR."""
    capture = cv2.VideoCapture(str(path))
    found: list[str] = []
    number = 0
    while count is None or number < first + count:
        read, image = capture.read()
        if not read:
            break
        if number >= first:
            found.append(hashlib.sha1(image.tobytes()).hexdigest())
        number += 1
    capture.release()
    return found
