"""Hostile and damaged footage: one line each, no other file or host touched, no crash, no hang."""

import contextlib
import ctypes
import io
import os
import random
import socket
import struct
import wave
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from celstream_platform.errors import Invalid, LimitExceeded, NotFound
from celstream_platform.footage import limited
from celstream_platform.footage.described import Probe
from celstream_platform.footage.description import describe
from celstream_platform.footage.limits import MIB, Limits
from celstream_platform.footage.probe import hash_file, probe

HERE = Path(__file__).parent
UNCALLED = "127.64.0.1"  # of this machine, and of nobody's server: who calls there has read a playlist


def encode(path: Path, *, frames: int = 12, codec: str = "libx264", width: int = 64, height: int = 64) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=24)
        stream.width, stream.height = width, height
        stream.pix_fmt = "rgb24" if codec == "png" else "yuv420p"
        for number in range(frames):
            picture = np.full((height, width, 3), number * 9, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return encode(tmp_path_factory.mktemp("footage") / "film.mp4")


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server((UNCALLED, 0)) as server:
        server.setblocking(False)
        yield server


def complaint(path: Path, kind: type[Exception] = Invalid, *, read: Callable[[Path], Probe] = describe) -> str:
    with pytest.raises(kind) as caught:
        read(path)
    text = str(caught.value)
    assert "\n" not in text
    assert "Traceback" not in text
    assert text.startswith(f"{path.name}: ")
    return text.removeprefix(f"{path.name}: ")


ADVICE = "Give a file with moving pictures."


def test_what_is_no_footage_at_all_is_said_in_one_line(tmp_path: Path) -> None:
    assert complaint(tmp_path / "no.mp4", NotFound) == "no such file. Check the path."
    assert complaint(tmp_path) == f"is a folder. {ADVICE}"
    empty = tmp_path / "empty.mp4"
    empty.touch()
    assert complaint(empty) == f"is empty (0 bytes). {ADVICE}"
    text = tmp_path / "text.mp4"
    text.write_text("Once upon a time, there was é. " * 400)
    assert complaint(text) == f"is not a video (it holds text). {ADVICE}"
    noise = tmp_path / "noise.mp4"
    noise.write_bytes(random.Random(1).randbytes(50_000))
    assert complaint(noise).startswith("is not a video that can be read (")
    sound = tmp_path / "film.mkv"
    with wave.open(str(sound), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(16000))
    assert complaint(sound) == f"no video stream (found: audio). {ADVICE}"


def test_a_cover_picture_is_no_video(tmp_path: Path) -> None:
    picture = io.BytesIO()
    with av.open(picture, "w", format="image2pipe") as container:
        stream = container.add_stream("png", rate=1)
        stream.width = stream.height = 32
        stream.pix_fmt = "rgb24"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")))
        container.mux(stream.encode())
    png = picture.getvalue()
    block = (
        struct.pack(">I", 3) + struct.pack(">I", 9) + b"image/png" + struct.pack(">IIIIII", 0, 32, 32, 24, 0, len(png))
    )
    path = tmp_path / "song.flac"
    with av.open(str(path), "w") as container:
        sound = container.add_stream("flac", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.int16), format="s16", layout="mono")
        frame.sample_rate = 8000
        container.mux(sound.encode(frame))
        container.mux(sound.encode())
    data = path.read_bytes()
    length = int.from_bytes(data[5:8], "big")
    block = bytes([6]) + (len(block) + len(png)).to_bytes(3, "big") + block + png
    path.write_bytes(data[: 8 + length] + block + data[8 + length :])
    assert complaint(path) == f"no video stream (found: audio, cover picture). {ADVICE}"


PLAYLISTS = {
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1.0,\n{film}\n#EXTINF:1.0,\n{url}\n#EXT-X-ENDLIST\n",
    "concat": "ffconcat version 1.0\nfile '{film}'\nfile '{url}'\n",
    "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
    'mediaPresentationDuration="PT1S">'
    "<Period><AdaptationSet><Representation id='1' mimeType='video/mp4' bandwidth='1'><BaseURL>{url}</BaseURL>"
    "</Representation></AdaptationSet></Period></MPD>",
    "sdp": f"v=0\no=- 0 0 IN IP4 {UNCALLED}\ns=x\nc=IN IP4 {UNCALLED}\nt=0 0\nm=video {{port}} RTP/AVP 96\n"
    "a=rtpmap:96 H264/90000\n",
    "pls": "[playlist]\nFile1={url}\nNumberOfEntries=1\n",
}


@contextlib.contextmanager
def watched(path: Path) -> Iterator[Callable[[], bool]]:
    """Whether any process has opened a file since (inotify)."""
    libc = ctypes.CDLL(None)
    descriptor = libc.inotify_init1(os.O_NONBLOCK)
    assert libc.inotify_add_watch(descriptor, bytes(path), 0x20) >= 0, "IN_OPEN"

    def opened() -> bool:
        try:
            return bool(os.read(descriptor, 4096))
        except BlockingIOError:
            return False

    yield opened
    os.close(descriptor)


@pytest.mark.parametrize("kind", PLAYLISTS)
def test_a_playlist_is_refused_and_nothing_that_it_names_is_touched(
    kind: str, tmp_path: Path, film: Path, listening: socket.socket
) -> None:
    port = listening.getsockname()[1]
    path = tmp_path / "film.mp4"
    path.write_text(PLAYLISTS[kind].format(film=film, url=f"http://{UNCALLED}:{port}/film.mp4", port=port))
    expected = f"is a playlist ({kind}), which names other files. Give the video file itself."
    with watched(film) as opened:
        assert complaint(path, read=probe) == expected
        assert complaint(path) == expected, "without the sandbox"
        assert not opened()
        film.read_bytes()
        assert opened(), "the watch works"
    with pytest.raises(BlockingIOError):
        listening.accept()


def test_a_name_is_never_taken_for_an_address(tmp_path: Path, film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("http:127.0.0.1.mp4", "concat:a|b.mp4", "film%03d.mp4", "-i.mp4", "pipe:0"):
        path = Path(name)
        path.write_bytes(film.read_bytes())
        assert describe(path).video.codec == "h264"


def test_a_picture_too_large_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    limit = "at most 16384 a side and 64 megapixels are taken. Scale it down first."
    wide = encode(tmp_path / "wide.mkv", codec="ffv1", frames=1, width=20000, height=16)
    assert complaint(wide, LimitExceeded) == f"pictures of 20000 x 16 pixels; {limit}"
    data = bytearray(encode(tmp_path / "square.avi", codec="png", frames=1).read_bytes())
    header, size = data.index(b"IHDR"), struct.pack(">II", 20000, 20000)
    data[header + 4 : header + 12] = size
    data[header + 17 : header + 21] = struct.pack(">I", zlib.crc32(data[header : header + 17]))
    square = tmp_path / "square.avi"
    place = data.index(b"strf") + 12
    data[place : place + 8] = struct.pack("<II", 20000, 20000)
    square.write_bytes(data)
    assert complaint(square, LimitExceeded) == f"pictures of 20000 x 20000 pixels; {limit}"


def test_a_codec_that_is_not_known_to_be_harmless_is_refused(tmp_path: Path, film: Path) -> None:
    data = film.read_bytes().replace(b"avc1", b"flic")
    path = tmp_path / "film.mp4"
    path.write_bytes(data)
    assert complaint(path).startswith("video codec ")
    path.write_bytes(film.read_bytes().replace(b"avc1", b"zzzz"))  # one that no decoder is known for
    assert complaint(path) == "video codec unknown is not taken. Convert it, for example to H.264."


def test_a_header_that_promises_frames_which_are_not_there(tmp_path: Path, film: Path) -> None:
    data = film.read_bytes()
    place = data.index(b"mdat")
    length = int.from_bytes(data[place - 4 : place], "big")
    path = tmp_path / "film.mp4"
    path.write_bytes(data[: place + 4] + bytes(length - 8) + data[place - 4 + length :])
    assert complaint(path) == "no frame of its video can be decoded. Is the file complete?"


def test_a_bomb_ends_at_the_memory_limit(tmp_path: Path) -> None:
    """A small file whose one picture takes 96 MB."""
    path = encode(tmp_path / "bomb.avi", codec="png", frames=1, width=8192, height=4096)
    assert path.stat().st_size < 2 * MIB
    with pytest.raises(LimitExceeded, match="needed more than 80 MiB of memory"):
        probe(path, limits=Limits(memory_bytes=80 * MIB))


def test_no_corruption_crashes_or_hangs(tmp_path: Path, film: Path) -> None:
    _corrupt(tmp_path, film, seeds=range(6))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("codec", "suffix"),
    [("libx264", "mkv"), ("libvpx-vp9", "webm"), ("mpeg4", "avi"), ("libx265", "mp4"), ("mpeg4", "ts")],
)
def test_no_corruption_crashes_or_hangs_in_other_formats(tmp_path: Path, codec: str, suffix: str) -> None:
    _corrupt(tmp_path, encode(tmp_path / f"film.{suffix}", codec=codec), seeds=range(100, 124))


def _corrupt(folder: Path, film: Path, seeds: range) -> None:
    """Every damaged copy is decoded as far as it goes, or refused in one line."""
    data = film.read_bytes()
    for seed in seeds:
        dice = random.Random(seed)
        damaged = bytearray(data)
        match seed % 3:
            case 0:  # single bytes anywhere
                for _ in range(dice.randint(1, 40)):
                    damaged[dice.randrange(len(damaged))] = dice.randrange(256)
            case 1:  # cut off
                del damaged[dice.randrange(1, len(damaged)) :]
            case 2:  # a hole
                start = dice.randrange(len(damaged))
                damaged[start : start + dice.randint(1, 400)] = dice.randbytes(dice.randint(0, 400))
        path = folder / f"damaged{seed}{film.suffix}"
        path.write_bytes(damaged)
        limits = Limits(memory_bytes=512 * MIB, cpu_seconds=30, wall_seconds=60, output_bytes=MIB)
        refusal = ""
        try:
            frames = limited.call("decode_all:decode_all", path, {}, int, limits=limits, import_from=[HERE])
        except Invalid as error:
            frames, refusal = 0, str(error)
        assert frames >= 0
        assert refusal == "" or refusal.startswith(f"{path.name}: "), f"seed {seed}"
        assert "\n" not in refusal, f"seed {seed}"


def test_a_file_is_named_by_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(b"abc")
    # FIPS 180-2, appendix B.1
    assert hash_file(path) == ("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", 3)
    with pytest.raises(NotFound):
        hash_file(tmp_path / "none")
