"""A long MP4 that is opened part by part gives the packets that it gives as a whole."""

import gc
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import pytest
from celstream_platform.errors import Invalid
from celstream_platform.footage import long_mp4, mp4_fragments, mp4_parts, mp4_tables
from celstream_platform.footage.description import describe
from celstream_segmenter.analysis import decoded_frames
from celstream_segmenter.frame_checksum import frame_checksum
from celstream_segmenter.lossless_cut import Cutter
from celstream_segmenter.opened_file import OpenedFile
from celstream_segmenter.packet_index import index_footage

from tests.cut_truth import Whole, frames_are_the_footages, sound_comparisons
from tests.footage_samples import AAC, SAMPLES, WITHOUT_NOISE, X264, Sample, Sound, made, make

pytestmark = pytest.mark.slow
OPUS = Sound("libopus", sample_format="flt")
LATE = Sound("aac", "mono", start_seconds=1.3, options=WITHOUT_NOISE)
NEGATIVE = {"movflags": "negative_cts_offsets"}
MORE = (
    Sample("negative_shifts.mp4", "libx264", {**X264, "g": "24", "bf": "3"}, sounds=(AAC,), container_options=NEGATIVE),
    Sample("header_first.mp4", "libx264", {**X264, "g": "12", "bf": "2"}, frames=240, sounds=(AAC, OPUS),
           container_options={"movflags": "faststart"}),
    Sample("late_sound.mov", "libx264", {**X264, "g": "30", "bf": "3"}, frames=180, sounds=(LATE,)),
)  # fmt: skip
FRAGMENTS = {
    "fragments.mp4": "frag_keyframe+empty_moov+default_base_moof",
    "fragments_of_one_track_each.mp4": "frag_keyframe+separate_moof+delay_moov",
    "fragments_with_an_index.mp4": "frag_keyframe+dash",
    "fragments_shown_early.mp4": "frag_keyframe+cmaf",
}
IN_FRAGMENTS = [
    Sample(file, "libx264", {**X264, "g": "12", "bf": "2"}, frames=150, sounds=(AAC, OPUS, LATE),
           container_options={"movflags": flags})
    for file, flags in FRAGMENTS.items()
]  # fmt: skip
CUT_IN_FRAGMENTS = Sample("fragments_to_cut.mp4", "libx264", {**X264, "g": "12", "bf": "2"}, frames=150,
                          sounds=(AAC, OPUS), container_options={"movflags": "frag_keyframe+delay_moov"})  # fmt: skip
KINDS = [*(shape for shape in SAMPLES if shape.file.endswith((".mp4", ".mov"))), *MORE, *IN_FRAGMENTS]
UNUSUAL = {"fragments_shown_early.mp4"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("long")


def file_of(shape: Sample, folder: Path) -> Path:
    if shape in SAMPLES:
        return made(shape.file)
    path = folder / shape.file
    return path if path.exists() else make(shape, folder)


@pytest.fixture
def in_parts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Parts of a second, and tables that are read in small pieces.

    Python's rubbish is collected with each part: what was loaded before is left out, or it takes all the time.
    """
    monkeypatch.setattr(long_mp4, "LONG_PACKETS", 1)
    for module in (mp4_parts, mp4_fragments):
        monkeypatch.setattr(module, "PART_SECONDS", 1)
        monkeypatch.setattr(module, "BEFORE_SECONDS", 1)
    monkeypatch.setattr(mp4_fragments, "AFTER_SECONDS", 1)
    monkeypatch.setattr(mp4_parts, "LEAST_A_PART", 4)
    monkeypatch.setattr(mp4_parts, "ENDS_KEPT", 16)
    monkeypatch.setattr(mp4_parts, "BESIDE_KEPT", 3)
    monkeypatch.setattr(mp4_parts, "LONGEST_TICKS", 10_000)
    monkeypatch.setattr(mp4_tables, "ROWS", 16)
    gc.freeze()
    yield
    gc.unfreeze()


def packets(path: Path, *, seek: tuple[int, int] | None = None, count: int = 10**6) -> dict[int, list[Any]]:
    """What is known of each stream's packets, and their bytes."""
    found: dict[int, list[Any]] = {}
    with OpenedFile(path) as file:
        streams = [stream.index for stream in file.container.streams if stream.type in ("video", "audio")]
        if seek:
            file.seek(*seek)
        for packet in file.packets(*streams):
            assert packet is not None
            seen = found.setdefault(packet.stream_index, [])
            if len(seen) < count:
                marks = packet.is_keyframe, packet.is_discard, packet.is_corrupt, packet.is_disposable
                side = [
                    bytes(packet.get_sidedata(kind)) if packet.has_sidedata(kind) else b""
                    for kind in ("skip_samples", "new_extradata")
                ]
                seen.append((packet.pts, packet.dts, packet.duration, packet.pos, *marks, *side, bytes(packet)))
    return found


@pytest.mark.parametrize("shape", KINDS, ids=[s.file for s in KINDS])
def test_the_packets_of_all_parts_are_those_of_the_file(
    shape: Sample, folder: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    path = file_of(shape, folder)
    whole = packets(path)
    description = describe(path)
    with av.open(path) as container:
        rate = container.streams.video[0].average_rate
    assert long_mp4.long_mp4(path) is None
    request.getfixturevalue("in_parts")
    found = long_mp4.long_mp4(path)
    if shape.file in UNUSUAL:
        assert found is None
    else:
        assert found is not None
        assert found.count >= 4
        with OpenedFile(path) as file:
            assert file.rate(file.container.streams.video[0]) == rate
    assert packets(path) == whole
    found_of_part = describe(path)
    longest = 2.0 if "fragment" in shape.file else 0.0  # of a fragment: what the film's end is known by
    assert found_of_part.claimed_duration_seconds == pytest.approx(description.claimed_duration_seconds, abs=longest)
    assert replace(found_of_part, claimed_duration_seconds=description.claimed_duration_seconds) == description


@pytest.mark.parametrize("shape", KINDS, ids=[s.file for s in KINDS])
def test_a_seek_finds_the_key_frame_of_the_whole_file(
    shape: Sample, folder: Path, request: pytest.FixtureRequest
) -> None:
    path = file_of(shape, folder)
    index = index_footage(path)
    keys = [int(index.video.packet_pts[key]) for key in index.video.key_packets()][:6]
    stream = index.video.stream_index

    def from_key(key: int) -> list[Any]:
        found = packets(path, seek=(stream, key))[stream]
        times = [packet[0] for packet in found]  # of fragments libav finds those alone that it has read
        return found[times.index(key) :][:30]

    whole = [from_key(key) for key in keys]
    request.getfixturevalue("in_parts")
    assert [from_key(key) for key in keys] == whole


def test_a_decoder_goes_on_from_part_to_part(folder: Path, request: pytest.FixtureRequest) -> None:
    path = file_of(MORE[1], folder)

    def checksums() -> list[tuple[int | None, int]]:
        with OpenedFile(path) as file:
            video = file.container.streams.video[0]
            return [(f.pts, frame_checksum(f)) for f in decoded_frames(file, video.index, video.codec_context)]

    whole = checksums()
    request.getfixturevalue("in_parts")
    assert checksums() == whole
    assert len(whole) == 240


@pytest.mark.parametrize("shape", [MORE[1], CUT_IN_FRAGMENTS], ids=["one header", "fragments"])
def test_clips_across_the_edges_of_parts_are_exact(
    shape: Sample, folder: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    path = file_of(shape, folder)
    source = Whole(path)
    assert source.frames
    assert source.sounds
    request.getfixturevalue("in_parts")
    index = index_footage(path, tmp_path)
    with Cutter(path, index) as cutter:
        count = index.frame_count
        for start, end in ((0, 30), (20, 75), (90, count - 40), (count - 30, count), (23, 25)):
            clip = tmp_path / f"{start}.mp4"
            result, _ = cutter.cut_and_prove(start, end, clip, extent="full")
            assert frames_are_the_footages(source, start, end, clip)
            assert [sound.fault for sound in sound_comparisons(source, start, end, clip, result)] == [""] * len(
                source.sounds
            )


def test_a_damaged_header_is_left_to_libav(folder: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    data = bytearray(file_of(MORE[0], folder).read_bytes())
    request.getfixturevalue("in_parts")
    begin = data.index(b"moov")
    for number, kind in enumerate((b"stsz", b"stsc", b"stco", b"stts", b"trak", b"mvhd", b"ctts")):
        damaged = data.copy()
        place = damaged.index(kind, begin)
        damaged[place + 5 : place + 13] = b"\xff" * 8
        path = tmp_path / f"{number}.mp4"
        path.write_bytes(damaged)
        with suppress(Invalid, MemoryError), OpenedFile(path) as file:
            streams = [stream.index for stream in file.container.streams]
            assert sum(1 for _ in file.packets(*streams)) <= 5000
