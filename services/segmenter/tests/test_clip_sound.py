"""The sound of a clip as its message tells it: which tracks, when they start, and which could not go along."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import celstream_renderer as renderer
import numpy as np
import pytest
from celstream_platform.artefacts import open_artefact_store
from celstream_platform.footage.limits import Limits
from celstream_platform.footage.probe import fill, probe
from celstream_platform.stage import Context
from celstream_protos.v1 import clip_pb2, envelope_pb2, footage_pb2
from celstream_renderer import Sound
from celstream_segmenter.rules import SegmentationRules
from celstream_segmenter.stage import SegmenterStage

RATE = 48000
LATE_SECONDS = 2.5
AAC_PACKET_SECONDS = 1024 / RATE  # so much of silence an encoder may put before what it is given


def clips_of(path: Path, store: Any) -> list[clip_pb2.Clip]:
    content = store.adopt(path, "video/mp4")
    item = envelope_pb2.ItemHeader(id=content.sha256, version="1", level="footage", footage_id=content.sha256)
    footage = footage_pb2.Footage(item=item, name=path.name, content=content)
    fill(footage, probe(path))
    stage = SegmenterStage(store, SegmentationRules(min_seconds=0.5), Limits())
    result = stage.process(footage, Context(lambda *_: None, lambda: False))
    clips = [item.message for item in result.items]
    assert all(isinstance(clip, clip_pb2.Clip) for clip in clips)
    return clips  # type: ignore[return-value]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("codec", "name", "tolerance"), [("aac", "film.mp4", 2 * AAC_PACKET_SECONDS), ("flac", "film.mkv", 0.0011)]
)
def test_the_offset_of_a_track_is_when_it_begins_in_the_clip(
    tmp_path: Path, codec: str, name: str, tolerance: float
) -> None:
    film = renderer.random_film(seed=7, seconds=8, fps=Fraction(24), size=(160, 96))
    film = replace(film, sound=Sound(0.3, 1, late_start=LATE_SECONDS))
    renderer.render(film, tmp_path / name, audio_codec=codec)
    store = open_artefact_store(f"file://{tmp_path}/store")
    clips = clips_of(tmp_path / name, store)
    begun = [clip.range.start_frame / 24 for clip in clips]
    assert begun[0] < LATE_SECONDS < begun[-1]
    for clip, begins in zip(clips, begun, strict=True):
        assert list(clip.missing_audio) == []
        if clip.range.end_frame / 24 <= LATE_SECONDS:
            assert list(clip.audio) == [], "it is silent here, not missing"
            continue
        (track,) = clip.audio
        assert track.stream_index == 1
        assert track.offset_seconds == pytest.approx(max(LATE_SECONDS - begins, 0.0), abs=tolerance)
        with store.local(clip.video) as file, av.open(str(file)) as container:
            first = next(container.decode(audio=0))
            assert first.pts is not None
            assert first.time_base is not None
            assert float(first.pts * first.time_base) == pytest.approx(track.offset_seconds, abs=1 / RATE)


def film_with_sound_that_nobody_keeps(path: Path) -> None:
    """Two seconds with two tracks; the second one's samples have 64 bits, which no lossless encoder keeps."""
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=24)
        kept, wide = out.add_stream("aac", rate=RATE), out.add_stream("pcm_s64le", rate=RATE)
        assert isinstance(video, av.VideoStream)
        assert isinstance(kept, av.AudioStream)
        assert isinstance(wide, av.AudioStream)
        video.width, video.height, video.pix_fmt = 96, 64, "yuv420p"
        video.codec_context.time_base = Fraction(1, 24)
        wide.codec_context.format, wide.codec_context.layout = "s64", "mono"  # type: ignore[assignment]
        dice = np.random.default_rng(1)
        for number in range(48):
            picture = np.random.default_rng(number // 24).integers(0, 255, (8, 12, 3), np.uint8)
            out.mux(video.encode(av.VideoFrame.from_ndarray(picture.repeat(8, 0).repeat(8, 1))))
        for number in range(2 * RATE // 1024):
            for track, samples, kind, layout in (
                (kept, dice.normal(0, 0.1, (2, 1024)).astype(np.float32), "fltp", "stereo"),
                (wide, dice.integers(-(2**30), 2**30, (1, 1024), np.int32), "s32", "mono"),
            ):
                block = av.AudioFrame.from_ndarray(samples, kind, layout)
                block.sample_rate, block.pts = RATE, number * 1024
                out.mux(track.encode(block))
        for stream in (video, kept, wide):
            out.mux(stream.encode(None))


@pytest.mark.slow
def test_a_track_that_cannot_be_kept_is_left_out_with_its_reason_and_the_clip_is_kept(tmp_path: Path) -> None:
    film_with_sound_that_nobody_keeps(tmp_path / "film.nut")
    store = open_artefact_store(f"file://{tmp_path}/store")
    clips = clips_of(tmp_path / "film.nut", store)
    assert sum(clip.range.end_frame - clip.range.start_frame for clip in clips) == 48
    for clip in clips:
        assert [(track.stream_index, track.codec) for track in clip.audio] == [(1, "aac")]
        (missing,) = clip.missing_audio
        assert missing.stream_index == 2
        assert "no lossless encoder keeps them" in missing.reason
        with store.local(clip.video) as file, av.open(str(file)) as container:
            assert [stream.codec_context.name for stream in container.streams.audio] == ["aac"]
            assert any(np.abs(frame.to_ndarray()).max() > 0.1 for frame in container.decode(audio=0))
