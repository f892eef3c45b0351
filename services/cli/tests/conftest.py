"""Pieces of a dataset for tests: contents with real pictures in a real store, without a run."""

import io
from pathlib import Path

import pytest
from celstream.contents import FootageContents
from celstream_platform.artefacts import ArtefactStore, directory_url, open_artefact_store
from celstream_platform.identity import digest
from celstream_protos.v1 import clip_pb2, envelope_pb2, footage_pb2
from PIL import Image

FPS = 24
CADENCES = (
    clip_pb2.Cadence(ones=1, drawings_per_second=24, median_frames=1, hold_frames=[1] * 48),
    clip_pb2.Cadence(twos=0.75, longer=0.25, drawings_per_second=9.5, median_frames=2, hold_frames=[2] * 18 + [12]),
    clip_pb2.Cadence(threes=0.5, longer=0.5, drawings_per_second=4.5, median_frames=3, hold_frames=[3] * 8 + [24]),
)
CAMERAS = (
    clip_pb2.CameraMove(kind=clip_pb2.CAMERA_MOVE_KIND_STATIC),
    clip_pb2.CameraMove(kind=clip_pb2.CAMERA_MOVE_KIND_PAN, right=-0.8),
    clip_pb2.CameraMove(kind=clip_pb2.CAMERA_MOVE_KIND_ZOOM, zoom=0.2),
    clip_pb2.CameraMove(kind=clip_pb2.CAMERA_MOVE_KIND_ROTATE, turn=0.1),
    clip_pb2.CameraMove(kind=clip_pb2.CAMERA_MOVE_KIND_SHAKE, step=0.01),
)


def frames(start: int, end: int) -> envelope_pb2.FrameRange:
    """A range of frames at 24 frames/s."""
    return envelope_pb2.FrameRange(
        start_frame=start,
        end_frame=end,
        time_base=envelope_pb2.Rational(numerator=1, denominator=FPS),
        start_ticks=start,
        end_ticks=end,
    )


def picture(store: ArtefactStore, value: int, kind: str) -> envelope_pb2.ArtefactRef:
    """A stored picture of one colour. kind: PNG or JPEG."""
    data = io.BytesIO()
    Image.new("RGB", (64, 36), (value, 80, 120)).save(data, kind)
    return store.put(data.getvalue(), f"image/{kind.lower()}")


def contents(store: ArtefactStore, name: str = "films/a film.mp4", shots: int = 4) -> FootageContents:
    """A footage of shots of 48 frames with a cut between them; the last shot is too short and refused."""
    footage_id = digest(name)
    header = envelope_pb2.ItemHeader(
        id=footage_id, version=footage_id, level="footage", footage_id=footage_id, work="w"
    )
    footage = footage_pb2.Footage(
        item=header,
        name=name,
        video=footage_pb2.VideoTrack(
            codec="h264", width=64, height=36, fps=envelope_pb2.Rational(numerator=FPS, denominator=1)
        ),
        rights=envelope_pb2.Rights(license="CC-BY-3.0"),
    )
    total = 48 * (shots - 1) + 12
    ranges = [frames(48 * at, min(48 * (at + 1), total)) for at in range(shots)]
    cuts = [
        clip_pb2.Transition(
            kind=clip_pb2.TRANSITION_KIND_CUT, frame=f, start_frame=f, end_frame=f, confidence=0.3 + at / 9
        )
        for at, f in enumerate(entry.start_frame for entry in ranges[1:])
    ]
    found = [
        clip_pb2.Shot(ordinal=at, range=entry, opening=cuts[at - 1] if at else None) for at, entry in enumerate(ranges)
    ]
    pictures = [picture(store, value, "PNG") for value in range(min(shots, 50))]
    thumbnails = [picture(store, value, "JPEG") for value in range(min(shots, 50))]
    videos = [store.put(f"video {name} {value}".encode(), "video/mp4") for value in range(min(shots, 50))]
    clips = [
        clip_pb2.Clip(
            item=envelope_pb2.ItemHeader(
                id=digest(name, at),
                version=digest(name, at, "v"),
                level="clips",
                parent_id=footage_id,
                footage_id=footage_id,
                work="w",
                origin=envelope_pb2.Origin(
                    kind=envelope_pb2.ORIGIN_KIND_MACHINE, method="content", recipe="r", confidence=1
                ),
            ),
            range=ranges[at],
            video=videos[at % 50],
            first_frame=pictures[at % 50],
            last_frame=pictures[(at + 1) % 50],
            thumbnail=thumbnails[at % 50],
            width=64,
            height=36,
            fps=footage.video.fps,
            method=clip_pb2.CUT_METHOD_PACKETS,
            audio=[
                footage_pb2.AudioTrack(stream_index=1, codec="aac", sample_rate_hz=48000, channels=2, layout="stereo")
            ],
            shot_ordinal=at,
            part_count=1,
            measurements=clip_pb2.ClipMeasurements(
                brightness=100 + at, motion=1.5 * at, sharpness=50, cadence=CADENCES[at % 3], camera=CAMERAS[at % 5]
            ),
        )
        for at in range(shots - 1)
    ]
    rejection = envelope_pb2.Rejection(
        id=digest(name, "r"),
        level="clips",
        parent_id=footage_id,
        footage_id=footage_id,
        range=ranges[-1],
        reason=envelope_pb2.REJECTION_REASON_TOO_SHORT,
        measured_value=0.5,
        threshold=1.0,
        detail="0.50 s long, at least 1 s expected.",
        thumbnail=picture(store, 200, "JPEG"),
    )
    analysis = clip_pb2.FootageAnalysis(
        footage_id=footage_id,
        frames=total,
        duration_seconds=total / FPS,
        transitions=cuts,
        shots=found,
        change=[0.9 if frame % 48 == 0 and frame else 0.01 for frame in range(total)],
        change_threshold=0.3,
        detector="content",
    )
    return FootageContents(footage, analysis, clips, [rejection])


def refused(name: str) -> FootageContents:
    """Footage that could not be read: a name and a reason."""
    footage = footage_pb2.Footage(item=envelope_pb2.ItemHeader(id=digest(name)), name=name)
    reason = envelope_pb2.REJECTION_REASON_UNREADABLE
    return FootageContents(
        footage, None, [], [envelope_pb2.Rejection(reason=reason, detail=f"{name}: an <empty> file.")]
    )


@pytest.fixture
def store(tmp_path: Path) -> ArtefactStore:
    """An artefact store of its own."""
    return open_artefact_store(directory_url(tmp_path / "artefacts"))


@pytest.fixture
def film(store: ArtefactStore) -> FootageContents:
    """Four shots of a film: three clips, and one that was too short."""
    return contents(store)


@pytest.fixture
def other_film(store: ArtefactStore) -> FootageContents:
    """Another film of four shots, of the same name in another folder."""
    return contents(store, "more/a film.mp4")


@pytest.fixture
def long_film(store: ArtefactStore) -> FootageContents:
    """A film of 1,500 shots."""
    return contents(store, "long/two hours.mkv", shots=1500)


@pytest.fixture
def unread() -> FootageContents:
    """Footage that could not be read."""
    return refused("films/empty <b>.mp4")
