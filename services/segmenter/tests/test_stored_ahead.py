"""What a process has made is in the store before its turn comes, and is stored once."""

from collections.abc import Generator
from pathlib import Path
from typing import Any, cast

from celstream_platform.artefacts.directory import DirectoryStore
from celstream_segmenter.found import ClipMade, FoundInShare, Working
from celstream_segmenter.stored_ahead import StoredAhead


def made(folder: Path) -> ClipMade:
    for name in ("clip.mp4", "first.png", "small.jpg"):
        (folder / name).write_bytes(name.encode())
    return ClipMade(
        start_frame=0,
        end_frame=1,
        time_base=(1, 24),
        start_ticks=0,
        end_ticks=1,
        shot_ordinal=0,
        part_ordinal=0,
        part_count=1,
        video=str(folder / "clip.mp4"),
        first_frame=str(folder / "first.png"),
        last_frame=str(folder / "first.png"),
        thumbnail=str(folder / "small.jpg"),
        encoding_reason="",
        audio=[],
        missing_audio=[],
        brightness=0.0,
        motion=0.0,
        sharpness=0.0,
        measurements=cast(Any, None),
    )


def test_files_are_stored_before_their_clip_comes_and_not_again(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path / "store")
    stored = StoredAhead(store)
    clip, closed = made(tmp_path), []

    def results() -> Generator[FoundInShare, None, None]:
        try:
            yield Working(1, 2)
            yield clip
            yield Working(2, 2)
        finally:
            closed.append(True)

    found = stored.ahead(results())
    assert next(found) == Working(1, 2)
    assert next(found) is clip
    Path(clip.video).unlink()  # what is stored by now needs no file
    video = stored.put(Path(clip.video), "video/mp4")
    with store.open(video) as stream:
        assert stream.read() == b"clip.mp4"
    still = stored.put(Path(clip.first_frame), "image/png")
    assert (still.media_type, stored.put(Path(clip.last_frame), "image/png")) == ("image/png", still)
    found.close()
    assert closed
