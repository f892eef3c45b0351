"""Writing a film to a video file with its truth beside it.

The same film and arguments give the same bytes on the same machine and software: encoders run with
a fixed number of threads, containers are written without time stamps or random ids.
"""

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.codec.codec import Codec, UnknownCodecError
from av.codec.context import Flags
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from celstream_renderer.compose import frames
from celstream_renderer.delivery import Delivery, FileFrame, file_frames, file_rate
from celstream_renderer.film import Film
from celstream_renderer.paint import Picture, as_picture
from celstream_renderer.sound import SAMPLE_RATE_HZ, soundtrack
from celstream_renderer.timeline import frame_count
from celstream_renderer.truth import Truth, truth_of

PROGRESSIVE = Delivery()
_BT709 = 1
_FLAG_BITEXACT = 0x400  # AVFMT_FLAG_BITEXACT: no name of the muxer, no random ids
_LONGEST_GAP_SECONDS = 1  # `variable` never drops frames for longer: players would think the stream has ended

# x264's macroblock tree in its AVX-512 form gave other bytes in 12 of 40 runs on a busy machine (x264 165);
# without it 40 of 40 are equal. The number of threads has no part in it.
_FAST: dict[str, dict[str, str]] = {
    "libx264": {"preset": "veryfast", "threads": "2", "mbtree": "0"},
    "libx265": {"preset": "ultrafast", "x265-params": "log-level=error:pools=1:frame-threads=1"},
    "libvpx": {"deadline": "realtime", "cpu-used": "6", "b": "0", "threads": "1"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "7", "b": "0", "threads": "1"},
    "libsvtav1": {"preset": "11", "svtav1-params": "lp=1"},
    "ffv1": {"level": "3", "threads": "1"},
    "mpeg4": {"threads": "1"},
}


def render(
    film: Film,
    path: str | Path,
    *,
    codec: str = "libx264",
    crf: int = 18,
    gop: int | None = None,
    b_frames: int | None = None,
    pixel_format: str = "yuv420p",
    audio_codec: str = "aac",
    delivery: Delivery = PROGRESSIVE,
    rotation: int = 0,
    sample_aspect: Fraction | None = None,
    options: dict[str, str] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Truth:
    """Render a film into a file; the container follows the path's suffix. Writes `<stem>.truth.json` beside it.

    crf: quality for x264, x265, VP8, VP9, AV1 (lower is better; ignored by ffv1; for mpeg4 the
    quantiser). gop, b_frames: longest distance of key frames, and of B-frames; None leaves them to the
    encoder. rotation: degrees, a multiple of 90, by which players turn the picture counterclockwise
    (the pixels stay as they are). options: further options of the encoder. progress: called with
    (frames done, frames in all). Raises ValueError for a film that cannot be rendered as described.
    """
    path = Path(path)
    rate = file_rate(film.fps, delivery)
    count = frame_count(film)
    _check_encoder(codec, "video")
    if film.sound is not None:
        _check_encoder(audio_codec, "audio")
    shown: list[FileFrame] = []
    with av.open(str(path), "w", options={"fflags": "+bitexact"}) as container:
        container.flags |= _FLAG_BITEXACT
        video = container.add_stream(codec, rate=rate)
        assert isinstance(video, VideoStream)
        _set_up(video, film, rate, gop, b_frames, pixel_format, delivery)
        encoder_options = {**_FAST.get(codec, {}), **_quality(codec, crf), **(options or {})}
        if delivery.kind in ("interlaced", "telecine") and codec == "libx264":
            encoder_options["x264-params"] = "tff=1"
        video.codec_context.options = encoder_options
        if sample_aspect is not None:
            video.codec_context.sample_aspect_ratio = sample_aspect
        if rotation:
            video.set_display_rotation(rotation)
        sound = _SoundTrack(container, film, audio_codec)
        for place, picture in _pictures(film, delivery, pixel_format):
            picture.pts, picture.time_base = place.time, 1 / rate
            shown.append(place)
            container.mux(video.encode(picture))
            # Sound goes along with the picture, so that the file can be read as a stream.
            sound.write_until(float((place.time + 1) / rate))
            if progress is not None:
                progress(place.second + 1, count)
        container.mux(video.encode(None))
        sound.finish()
    truth = truth_of(film, shown, rate)
    path.with_name(f"{path.stem}.truth.json").write_text(truth.to_json())
    return truth


def _check_encoder(name: str, kind: str) -> None:
    try:
        found = Codec(name, "w").type
    except UnknownCodecError as error:
        raise ValueError(f"codec {name!r}: no such encoder here. Give one such as libx264, ffv1, aac, flac.") from error
    if found != kind:
        raise ValueError(f"codec {name!r}: encodes {found}; one for {kind} is needed. Give another.")


def _set_up(
    video: VideoStream,
    film: Film,
    rate: Fraction,
    gop: int | None,
    b_frames: int | None,
    pixel_format: str,
    delivery: Delivery,
) -> None:
    context = video.codec_context
    video.width, video.height = film.size
    video.pix_fmt = pixel_format
    context.time_base = 1 / rate
    context.flags |= Flags.bitexact
    context.colorspace = context.color_primaries = context.color_trc = _BT709
    context.color_range = 1  # limited range, as video has it
    if gop is not None:
        context.gop_size = gop
    if b_frames is not None:
        context.max_b_frames = b_frames
    if delivery.kind in ("interlaced", "telecine"):
        context.flags |= Flags.interlaced_dct | Flags.interlaced_me


def _quality(codec: str, crf: int) -> dict[str, str]:
    if codec in ("libx264", "libx265", "libvpx", "libvpx-vp9", "libsvtav1"):
        return {"crf": str(crf)}
    return {"qmin": str(crf), "qmax": str(crf)} if codec == "mpeg4" else {}


def _pictures(film: Film, delivery: Delivery, pixel_format: str) -> Iterator[tuple[FileFrame, VideoFrame]]:
    """The frames of the file in order, converted for the encoder."""
    places = file_frames(frame_count(film), film.fps, delivery)
    source = enumerate(frames(film))
    held: dict[int, Picture] = {}
    last: Picture | None = None
    last_time = 0
    for place in places:
        while place.second not in held:
            number, picture = next(source)
            held[number] = picture
        for old in [number for number in held if number < place.first]:
            del held[old]
        first, second = held[place.first], held[place.second]
        if delivery.kind == "variable":
            gap = (place.time - last_time) / film.fps
            same = last is not None and np.array_equal(first, last)
            if same and gap < _LONGEST_GAP_SECONDS and place is not places[-1]:
                continue
            last, last_time = first, place.time
        if place.share > 0:
            first = second = as_picture(cv2.addWeighted(first, 1 - place.share, second, place.share, 0))
        if place.fields and first is not second:
            yield place, _woven(_converted(first, pixel_format), _converted(second, pixel_format))
        else:
            yield place, _converted(first, pixel_format)


def _converted(picture: Picture, pixel_format: str) -> VideoFrame:
    frame = VideoFrame.from_ndarray(picture, "rgb24")
    frame = frame.reformat(format=pixel_format, dst_colorspace="ITU709", src_color_range="JPEG", dst_color_range="MPEG")
    frame.pict_type = 0
    return frame


def _woven(top: VideoFrame, bottom: VideoFrame) -> VideoFrame:
    """The even lines of one frame and the odd lines of the other, in every plane."""
    for above, below in zip(top.planes, bottom.planes, strict=True):
        lines = np.frombuffer(memoryview(above), np.uint8).reshape(above.height, above.line_size).copy()
        lines[1::2] = np.frombuffer(memoryview(below), np.uint8).reshape(below.height, below.line_size)[1::2]
        above.update(lines.tobytes())
    return top


class _SoundTrack:
    """The film's sound on its way into the container; nothing for a silent film."""

    def __init__(self, container: OutputContainer, film: Film, codec: str) -> None:
        self._container = container
        samples = soundtrack(film)
        self._samples = np.zeros((2, 0), np.float32) if samples is None else samples
        self._done = 0
        self._stream: AudioStream | None = None
        if samples is None or film.sound is None:
            return
        layout = "stereo" if film.sound.channels == 2 else "5.1"
        stream = container.add_stream(codec, rate=SAMPLE_RATE_HZ, layout=layout)
        assert isinstance(stream, AudioStream)
        stream.codec_context.flags |= Flags.bitexact
        self._stream = stream
        self._offset = round(film.sound.late_start * SAMPLE_RATE_HZ)
        self._resampler = AudioResampler(stream.codec_context.format, layout, SAMPLE_RATE_HZ)
        container.start_encoding()

    def write_until(self, seconds: float) -> None:
        """Encode the sound up to a moment of the film."""
        if self._stream is None:
            return
        size = self._stream.codec_context.frame_size or 1024
        end = round(seconds * SAMPLE_RATE_HZ) - self._offset
        while self._done < min(end, self._samples.shape[1]):
            part = np.ascontiguousarray(self._samples[:, self._done : self._done + size])
            frame = AudioFrame.from_ndarray(part, "fltp", "stereo" if len(part) == 2 else "5.1")
            frame.sample_rate, frame.time_base = SAMPLE_RATE_HZ, Fraction(1, SAMPLE_RATE_HZ)
            frame.pts = self._done + self._offset
            for converted in self._resampler.resample(frame):
                self._container.mux(self._stream.encode(converted))
            self._done += part.shape[1]

    def finish(self) -> None:
        """Encode what is left."""
        if self._stream is not None:
            self.write_until((self._samples.shape[1] + self._offset) / SAMPLE_RATE_HZ + 1)
            self._container.mux(self._stream.encode(None))
