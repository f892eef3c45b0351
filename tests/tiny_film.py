"""A film of eight frames: enough to be footage."""

from pathlib import Path

import av
import numpy as np


def write_film(path: Path, *, video: bool = True, seed: int = 0) -> Path:
    """Write eight frames of 64x48 in MPEG-4, or a tenth of a second of silence without a picture, as Matroska."""
    with av.open(str(path), "w", format="matroska") as container:
        if video:
            stream = container.add_stream("mpeg4", rate=24)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            pictures = np.random.default_rng(seed).integers(0, 255, (8, 48, 64, 3), dtype=np.uint8)
            for picture in pictures:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(stream.encode(None))
        else:
            sound = container.add_stream("pcm_s16le", rate=8000, layout="mono")
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), dtype=np.int16), format="s16", layout="mono")
            frame.sample_rate = 8000
            container.mux(sound.encode(frame))
            container.mux(sound.encode(None))
    return path
