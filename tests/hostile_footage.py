"""Hostile and damaged footage, made from scratch: every file with what has to come of it."""

import random
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import av
import numpy as np

MIB = 1024 * 1024
FRAMES = 40  # of the films that are damaged: a second and two thirds at 24 frames/s
FORMATS = (("libx264", "mp4"), ("libx264", "mkv"), ("libvpx-vp9", "webm"), ("mpeg4", "avi"), ("mpeg4", "ts"))
Fate = Literal["refused", "kept", "either"]


@dataclass(frozen=True, slots=True)
class Case:
    """One file. what: of the table of what has to be withstood; fate: what must come of it; words: of its rejection."""

    name: str
    what: str
    fate: Fate
    words: str = ""


def film(
    path: Path,
    codec: str = "libx264",
    *,
    frames: int = FRAMES,
    size: tuple[int, int] = (96, 64),
    sound: bool = True,
    moving: bool = True,
) -> Path:
    """A film in which something moves, with a tone where `sound` is wanted."""
    width, height = size
    with av.open(str(path), "w") as out:
        video = out.add_stream(codec, rate=24)
        assert isinstance(video, av.VideoStream)
        video.width, video.height = size
        video.pix_fmt = "rgb24" if codec == "png" else "yuv420p"
        track = out.add_stream("libopus" if path.suffix == ".webm" else "aac", rate=48000) if sound else None
        noise = np.random.default_rng(len(codec)).integers(60, 200, (height, width, 3), np.uint8)
        for number in range(frames):
            picture = np.roll(noise, 3 * number, axis=1) if moving else np.zeros((height, width, 3), np.uint8)
            out.mux(video.encode(av.VideoFrame.from_ndarray(picture)))
        if isinstance(track, av.AudioStream):
            size_of_block = track.codec_context.frame_size or 960
            for number in range(48000 * frames // 24 // size_of_block):
                at = (np.arange(size_of_block) + number * size_of_block) / 48000
                tone = (0.2 * np.sin(2 * np.pi * 330 * at)).astype(np.float32)
                block = av.AudioFrame.from_ndarray(np.tile(tone, (2, 1)), "fltp", "stereo")
                block.sample_rate, block.pts = 48000, number * size_of_block
                out.mux(track.encode(block))
            out.mux(track.encode(None))
        out.mux(video.encode(None))
    return path


def hostile_footage(folder: Path, secret: Path, url: str) -> list[Case]:
    """Make every file but the corruptions. secret, url: what playlists and headers name, and nobody may touch."""
    cases = [Case("good.mp4", "a film like any other", "kept")]
    film(folder / "good.mp4")

    def add(name: str, what: str, fate: Fate, words: str, data: bytes | str) -> None:
        (folder / name).write_bytes(data if isinstance(data, bytes) else data.encode())
        cases.append(Case(name, what, fate, words))

    add("empty.mp4", "zero bytes", "refused", "is empty (0 bytes)", b"")
    add("text.mp4", "text as .mp4", "refused", "it holds text", "Once upon a time there was a film.\n" * 90)
    named = {"file": str(secret), "file address": secret.as_uri(), "url": url}
    for number, (kind, target) in enumerate(named.items()):
        hls = f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{target}\n#EXT-X-ENDLIST\n"
        add(f"hls{number}.mp4", f"playlist naming a {kind}", "refused", "is a playlist (hls)", hls)
        concat = f"ffconcat version 1.0\nfile '{target}'\n"
        add(f"concat{number}.mp4", f"concat naming a {kind}", "refused", "is a playlist (concat)", concat)
    add("list.m3u8", "playlist naming a url", "refused", "is a playlist (hls)", f"#EXTM3U\n#EXTINF:9,\n{url}\n")
    good = (folder / "good.mp4").read_bytes()
    add("elsewhere.mp4", "header naming a local file as its data", "either", "", naming_data(good, secret))
    film(folder / "wide.mkv", "ffv1", frames=1, size=(20000, 16), sound=False)
    cases.append(Case("wide.mkv", "20,000-px header", "refused", "pictures of 20000 x 16 pixels"))
    add("wide.mp4", "20,000-px header over small pictures", "either", "", wide_header(good))
    add("hour.mp4", "1 h header on a 1 s file", "kept", "", hour_header(good))
    film(folder / "hour.mkv")
    add("hour.mkv", "1 h header on a 1 s file", "kept", "", hour_mkv((folder / "hour.mkv").read_bytes()))
    add("hollow.mp4", "0 frames: data of zeros", "refused", "no frame", hollow(good))
    matroska = film(folder / "headers.mkv").read_bytes()
    add("headers.mkv", "0 frames: headers alone", "refused", "", matroska[: matroska.index(b"\x1f\x43\xb6\x75")])
    film(folder / "bomb.avi", "png", frames=1, size=(8192, 8000), sound=False, moving=False)
    cases.append(Case("bomb.avi", "decompression bomb: one picture of 65 megapixels", "either"))
    film(folder / "bomb.mkv", frames=30, size=(8192, 4320), sound=False, moving=False)
    cases.append(Case("bomb.mkv", "decompression bomb: black pictures of 35 megapixels", "either"))
    add("cmov.mp4", "decompression bomb: a header of 1 GiB", "refused", "", header_bomb(1024 * MIB))
    return cases


def corruptions(folder: Path, seeds: Sequence[int]) -> list[Case]:
    """Damaged copies of films in five formats: single bytes, cut off, a hole."""
    films = [film(folder / f"whole-{codec}.{ending}", codec).read_bytes() for codec, ending in FORMATS]
    for codec, ending in FORMATS:
        (folder / f"whole-{codec}.{ending}").unlink()
    cases = []
    for seed in seeds:
        dice = random.Random(seed)
        data = bytearray(films[seed % len(films)])
        match seed // len(films) % 3:
            case 0:
                kind = "bytes changed"
                for _ in range(dice.randint(1, 40)):
                    data[dice.randrange(len(data))] = dice.randrange(256)
            case 1:
                kind = "cut off"
                del data[dice.randrange(1, len(data)) :]
            case _:
                kind = "a hole"
                start = dice.randrange(len(data))
                data[start : start + dice.randint(1, 400)] = dice.randbytes(dice.randint(0, 400))
        name = f"damaged{seed:03d}.{FORMATS[seed % len(films)][1]}"
        (folder / name).write_bytes(data)
        cases.append(Case(name, f"random corruption: {kind}", "either"))
    return cases


def boxes_on_the_way(data: bytes, way: tuple[bytes, ...]) -> list[int]:
    """Where each MP4 box of a way like moov, trak, mdia begins."""
    places, start, end = [], 0, len(data)
    for kind in way:
        at = start
        while data[at + 4 : at + 8] != kind:
            size = int.from_bytes(data[at : at + 4], "big")
            at += size
            assert size >= 8, kind
            assert at < end, kind
        places.append(at)
        start, end = at + (12 if kind == b"dref" else 8), at + int.from_bytes(data[at : at + 4], "big")
        start += 4 if kind == b"dref" else 0
    return places


def naming_data(data: bytes, secret: Path) -> bytes:
    """An MP4 whose header says that its pictures lie in another file."""
    way = (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref", b"url ")
    *parents, place = boxes_on_the_way(data, way)
    location = str(secret).encode() + b"\0"
    address = struct.pack(">I4sI", 12 + len(location), b"url ", 0) + location
    changed = bytearray(data[:place] + address + data[place + 12 :])
    for parent in parents:
        size = int.from_bytes(changed[parent : parent + 4], "big") + len(location)
        changed[parent : parent + 4] = size.to_bytes(4, "big")
    return bytes(changed)


def wide_header(data: bytes) -> bytes:
    """An MP4 whose header says 20,000 pixels each way, though its pictures are small."""
    changed = bytearray(data)
    place = data.index(b"avc1", data.index(b"stsd"))
    changed[place + 28 : place + 32] = struct.pack(">HH", 20000, 20000)
    return bytes(changed)


def hour_header(data: bytes) -> bytes:
    """An MP4 whose header says that it lasts an hour."""
    changed = bytearray(data)
    for kind, offset, rate in ((b"mvhd", 16, True), (b"tkhd", 20, False), (b"mdhd", 16, True)):
        at = -1
        while (at := data.find(kind, at + 1)) >= 0:
            scale = int.from_bytes(data[at + offset : at + offset + 4], "big") if rate else 1000
            place = at + offset + 4
            changed[place : place + 4] = (3600 * scale).to_bytes(4, "big")
    return bytes(changed)


def hour_mkv(data: bytes) -> bytes:
    """A Matroska file whose header says that it lasts an hour (element 0x4489, a double, in milliseconds)."""
    place = data.index(b"\x44\x89\x88") + 3
    return data[:place] + struct.pack(">d", 3_600_000.0) + data[place + 8 :]


def hollow(data: bytes) -> bytes:
    """An MP4 with its header whole, and zeros for pictures and sound."""
    place = data.index(b"mdat")
    length = int.from_bytes(data[place - 4 : place], "big") - 8
    return data[: place + 4] + bytes(length) + data[place + 4 + length :]


def header_bomb(size: int) -> bytes:
    """A QuickTime file whose compressed header (`cmov`) becomes `size` bytes."""
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(bytes(MIB)) for _ in range(size // MIB)) + packer.flush()

    def box(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I4s", 8 + len(content), kind) + content

    header = box(b"dcom", b"zlib") + box(b"cmvd", struct.pack(">I", size) + packed)
    return box(b"ftyp", b"qt  \0\0\2\0qt  ") + box(b"moov", box(b"cmov", header)) + box(b"mdat", bytes(64))
