"""The one way to open footage: only known containers and codecs, only the one file, nothing larger than can be taken.

Call it inside the limited child process (`limited.py`): what it refuses, it refuses before decoding, but the libraries
below it read untrusted bytes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from celstream_platform.errors import Invalid, LimitExceeded
from celstream_platform.footage.files import ADVICE, check_file
from celstream_platform.footage.long_mp4 import long_mp4

if TYPE_CHECKING:
    from celstream_platform.footage.mp4_parts import PartlyShown

MAX_SIDE_PIXELS = 16384
MAX_PICTURE_PIXELS = 64 * 1024 * 1024
MAX_STREAMS = 64  # a file may claim thousands, each with its buffers
SNIFFED_BYTES = 4096

# Demuxers by libav's names; none that names other files (hls, dash, concat, image2, sdp, …). Sound alone is opened
# only to say so.
CONTAINERS = (
    *("mov", "mp4", "m4a", "3gp", "3g2", "mj2", "matroska", "webm", "avi", "mpegts", "mpeg", "mpegvideo", "flv"),
    *(
        "ogg",
        "asf",
        "mxf",
        "nut",
        "dv",
        "ivf",
        "h264",
        "hevc",
        "m4v",
        "obu",
        "yuv4mpegpipe",
        "gif",
        "apng",
        "wtv",
        "rm",
    ),
    *("wav", "w64", "mp3", "flac", "aac", "ac3", "eac3", "aiff", "caf", "amr"),
)
VIDEO_CODECS = (
    *("h264", "hevc", "av1", "libdav1d", "vp8", "vp9", "libvpx", "libvpx-vp9", "mpeg4", "mpeg1video", "mpeg2video"),
    *("h261", "h263", "h263i", "h263p", "flv", "vp6", "vp6a", "vp6f", "theora", "vc1", "wmv1", "wmv2", "wmv3"),
    *("msmpeg4v1", "msmpeg4v2", "msmpeg4", "mjpeg", "mjpegb", "prores", "dnxhd", "cfhd", "dvvideo", "ffv1", "huffyuv"),
    *("ffvhuff", "utvideo", "magicyuv", "lagarith", "rawvideo", "v210", "png", "apng", "gif", "qtrle", "rpza", "smc"),
    *("svq1", "svq3", "cinepak", "indeo3", "indeo4", "indeo5", "msrle", "msvideo1", "rv10", "rv20", "rv30", "rv40"),
)
AUDIO_CODECS = (
    *(
        "aac",
        "aac_latm",
        "mp1",
        "mp1float",
        "mp2",
        "mp2float",
        "mp3",
        "mp3float",
        "ac3",
        "eac3",
        "dca",
        "truehd",
        "mlp",
    ),
    *("opus", "libopus", "vorbis", "libvorbis", "flac", "alac", "speex", "libspeex", "wmav1", "wmav2", "wmapro"),
    *("wmalossless", "amrnb", "amrwb", "nellymoser", "cook", "adpcm_ms", "adpcm_ima_wav", "adpcm_ima_qt", "adpcm_swf"),
    *("adpcm_yamaha", "gsm", "gsm_ms", "pcm_alaw", "pcm_mulaw", "pcm_u8", "pcm_s8", "pcm_s16le", "pcm_s16be"),
    *("pcm_s24le", "pcm_s24be", "pcm_s32le", "pcm_s32be", "pcm_f32le", "pcm_f32be", "pcm_f64le", "pcm_dvd"),
    *("pcm_bluray", "qdm2", "mace3", "mace6"),
)
OPTIONS = {
    "protocol_whitelist": "file",
    "format_whitelist": ",".join(CONTAINERS),
    "codec_whitelist": ",".join((*VIDEO_CODECS, *AUDIO_CODECS)),
    "max_streams": str(MAX_STREAMS),
    "max_pixels": str(MAX_PICTURE_PIXELS),  # for what is decoded while streams are looked at
    "analyzeduration": "10000000",  # µs of footage that are read to find out what the streams are
    "probesize": "20000000",  # bytes, for the same
}
PLAYLISTS = (
    (b"#EXTM3U", "hls"),
    (b"ffconcat version", "concat"),
    (b"<MPD", "dash"),
    (b"<SmoothStreamingMedia", "smooth streaming"),
    (b"<smil", "smil"),
    (b"[playlist]", "pls"),
    (b"[Reference]", "asx"),
    (b"<asx", "asx"),
    (b"<?wpl", "wpl"),
    (b"v=0\r\no=", "sdp"),
    (b"v=0\no=", "sdp"),
    (b"#EXT-X-", "hls"),
)


@dataclass(frozen=True, slots=True)
class Opened:
    """Open footage. video: its largest stream of moving pictures, ready to be decoded.

    rate: frames a second by the container; None where it does not say. claimed_frames, claimed_seconds: 0 where it does
    not say.
    """

    container: InputContainer
    video: VideoStream
    rate: Fraction | None
    claimed_frames: int
    claimed_seconds: float


@contextmanager
def open_footage(path: Path, name: str = "", *, threads: int = 0, roughly: bool = False) -> Iterator[Opened]:
    """Open footage for as long as the context lasts; of a long MP4 the beginning, see `long_mp4`.

    name: what to call it in complaints. threads: of the decoder, 0 for one per processor. Frame threads only: slice
    threads decode damaged VP8 differently each time. roughly: leave out the filter that smooths the edges of blocks, a
    sixth of the work of decoding H.264; the pictures are then good enough to look at, and equal to nobody else's.
    Raises NotFound, Invalid, LimitExceeded (picture too large).
    """
    long = long_mp4(path)
    with open_shown(long.shown(0)[0], name or path.name) if long else open_container(path, name) as container:
        video = main_video(container, name or path.name, threads=threads, roughly=roughly)
        rate = (long.rate(video.index) if long else None) or video.average_rate or video.guessed_rate
        claimed = (long.packet_count(video.index) if long else 0) or max(video.frames, 0)
        seconds = (long.claimed_seconds if long else None) or (container.duration or 0) / av.time_base
        yield Opened(container, video, rate, claimed, max(seconds, 0.0))


def open_container(path: Path, name: str = "", *, headers_tell: bool = False) -> InputContainer:
    """Open a file without choosing a stream; the caller closes it. Raises NotFound, Invalid.

    headers_tell: its headers say all about its streams, as in a file of our own: no frame is decoded to find out.
    """
    name = name or path.name
    check_file(path, name)
    options = OPTIONS | {"skip_frame": "all"} if headers_tell else OPTIONS
    try:
        # `file:` keeps a name with a colon from being taken for a protocol.
        return av.open(f"file:{path}", options=options, metadata_errors="replace")
    except av.error.FFmpegError as error:
        if isinstance(error, MemoryError):
            raise
        raise Invalid(f"{name}: {_finding(path, error)}") from error


def open_shown(shown: "PartlyShown", name: str) -> InputContainer:
    """Open a part of a file; the caller closes it. Raises Invalid."""
    try:
        return av.open(shown, mode="r", options=OPTIONS | dict(shown.options), metadata_errors="replace")
    except av.error.FFmpegError as error:
        if isinstance(error, MemoryError):
            raise
        raise Invalid(f"{name}: is not a video that can be read ({error.strerror}). {ADVICE}") from error


def packets(container: InputContainer, *streams: Stream) -> "Iterator[Packet[Any]]":
    """The packets of streams, as far as the file can be read, and one empty packet each at the end (flushes a decoder).

    Raises what libav says of a read error; one may go on after that by calling again.
    """
    try:
        yield from container.demux(*streams)
    except IndexError:
        # Damage in MPEG-TS can make a stream appear in mid-file; PyAV's list of streams does not have it, and its
        # loop over all of them at the end of the file fails.
        return


def main_video(container: InputContainer, name: str, *, threads: int = 0, roughly: bool = False) -> VideoStream:
    """The largest stream of moving pictures, ready to be decoded. Raises Invalid, LimitExceeded."""
    pictures = [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]
    if not pictures:
        found = sorted({"cover picture" if stream.type == "video" else stream.type for stream in container.streams})
        raise Invalid(f"{name}: no video stream (found: {', '.join(found) or 'nothing'}). {ADVICE}")
    video = max(pictures, key=lambda stream: (_pixels(stream), -stream.index))
    codec = _codec(video)
    if codec not in VIDEO_CODECS:
        raise Invalid(f"{name}: video codec {codec or 'unknown'} is not taken. Convert it, for example to H.264.")
    context = video.codec_context
    width, height = context.width, context.height
    if width <= 0 or height <= 0:
        width, height = _claimed_size(container.name, video.index)
    check_size(width, height, name)
    context.options = {"max_pixels": str(MAX_PICTURE_PIXELS)}  # the size may change in mid-stream
    if roughly:
        context.options |= {"skip_loop_filter": "all"}
    context.thread_type = "FRAME"
    context.thread_count = threads
    return video


def _codec(stream: VideoStream) -> str:
    """Name of the stream's codec; empty where libav has none for it."""
    try:
        return stream.codec_context.name
    except (AttributeError, RuntimeError):
        return ""


def _pixels(stream: VideoStream) -> int:
    return stream.width * stream.height if _codec(stream) else -1


def _claimed_size(address: str, index: int) -> tuple[int, int]:
    """The size in the container's header; libav forgets it where a decoder has refused it as too large.

    No decoder may be opened this time, so that nothing is allocated.
    """
    options = {**OPTIONS, "codec_whitelist": "none", "max_pixels": str(2**31 - 1), "analyzeduration": "0"}
    with av.open(address, options=options, metadata_errors="replace") as container:
        context = container.streams[index].codec_context
        return (context.width, context.height) if isinstance(context, VideoCodecContext) else (0, 0)


def check_size(width: int, height: int, name: str) -> None:
    """Raises Invalid for no size, LimitExceeded for a picture that is larger than is taken. Pixels."""
    if width <= 0 or height <= 0:
        raise Invalid(f"{name}: the size of its pictures cannot be found. Is the file complete?")
    if max(width, height) > MAX_SIDE_PIXELS or width * height > MAX_PICTURE_PIXELS:
        raise LimitExceeded(
            f"{name}: pictures of {width} x {height} pixels; at most {MAX_SIDE_PIXELS} a side and "
            f"{MAX_PICTURE_PIXELS // 1024**2} megapixels are taken. Scale it down first."
        )


def _finding(path: Path, error: av.error.FFmpegError) -> str:
    """What a file is that libav does not open, as a sentence."""
    with path.open("rb") as file:
        start = file.read(SNIFFED_BYTES)
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    for mark, kind in PLAYLISTS:
        if text.startswith(mark) or (mark[:1] == b"<" and mark.lower() in text.lower()):
            return f"is a playlist ({kind}), which names other files. Give the video file itself."
    try:
        start.decode("utf-8")
    except UnicodeDecodeError as wrong:
        if wrong.start < len(start) - 4 or not start:  # a character cut by the end of what was read is fine
            return f"is not a video that can be read ({error.strerror}). {ADVICE}"
    found = error.strerror if b"\0" in start else "it holds text"
    return f"is not a video ({found}). {ADVICE}"
