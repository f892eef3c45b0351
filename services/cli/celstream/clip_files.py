"""Clip files: the artefacts of a dataset under names that a person can read.

`clips/<footage-stem>-<start>-<end>-<id8>.mp4`, in `frames/` the first and the last frame, in `report/pictures/` the
small ones that the report shows. A file is a hard link to the artefact, so it costs no space; where the file system has
no links it is a copy. What is no longer current is removed.
"""

import contextlib
import os
import re
import shutil
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from celstream_platform.artefacts.port import ArtefactStore
from celstream_protos.v1.clip_pb2 import Clip
from celstream_protos.v1.envelope_pb2 import ArtefactRef

from celstream.contents import FootageContents

CLIPS = "clips"
FRAMES = "frames"
PICTURES = "report/pictures"
ENDINGS = {"image/jpeg": "jpg", "image/png": "png"}
STEM_LENGTH = 60  # a file name may have 255 bytes on common file systems; the rest of the name needs about 40


@dataclass(frozen=True, slots=True)
class ClipFiles:
    """Where a clip's files lie, relative to the dataset folder, with forward slashes."""

    video: str
    first_frame: str
    last_frame: str


def readable_stem(name: str) -> str:
    """A footage's name as part of file names: letters, digits, `.`, `_`, `-`; never empty, at most 60 characters."""
    stem = PurePosixPath(name.replace("\\", "/")).stem
    plain = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9._-]+", "-", plain).strip("-.")[:STEM_LENGTH] or "footage"


def clip_files(footage_name: str, clip: Clip) -> ClipFiles:
    """The names of a clip's files. Stable: they follow from the footage's name, the frame range and the clip's id."""
    frames = clip.range
    name = f"{readable_stem(footage_name)}-{frames.start_frame:06d}-{frames.end_frame:06d}-{clip.item.id[:8]}"
    return ClipFiles(f"{CLIPS}/{name}.mp4", f"{FRAMES}/{name}-first.png", f"{FRAMES}/{name}-last.png")


def clip_picture(clip: Clip) -> ArtefactRef:
    """The small picture of a clip; its first frame where it was cut before there were such pictures."""
    return clip.thumbnail if clip.HasField("thumbnail") else clip.first_frame


def picture_name(picture: ArtefactRef) -> str:
    """File name of a picture that the report shows: that of its bytes."""
    return f"{picture.sha256[:16]}.{ENDINGS[picture.media_type]}"


def wanted_files(contents: Iterable[FootageContents]) -> dict[str, ArtefactRef]:
    """Every file that the dataset shall have in its folders, with the artefact that it shows."""
    wanted: dict[str, ArtefactRef] = {}
    for footage in contents:
        for clip in footage.clips:
            names = clip_files(footage.footage.name, clip)
            wanted |= {names.video: clip.video, names.first_frame: clip.first_frame, names.last_frame: clip.last_frame}
        shown = [
            *map(clip_picture, footage.clips),
            *(r.thumbnail for r in footage.rejections if r.HasField("thumbnail")),
        ]
        wanted |= {f"{PICTURES}/{picture_name(picture)}": picture for picture in shown}
    return wanted


def place(out: Path, wanted: Mapping[str, ArtefactRef], store: ArtefactStore) -> None:
    """Make `clips/`, `frames/` and `report/pictures/` of the dataset folder hold exactly the wanted files.

    Raises OSError where the folder cannot be written, NotFound where an artefact is missing.
    """
    for folder in (CLIPS, FRAMES, PICTURES):
        (out / folder).mkdir(parents=True, exist_ok=True)
        for path in (out / folder).iterdir():
            if f"{folder}/{path.name}" not in wanted:
                path.unlink()
    for name, artefact in wanted.items():
        with store.local(artefact) as source:
            _show(source, out / name)


def _show(source: Path, target: Path) -> None:
    """Let `target` be the bytes of `source`, by rename, so that no half file is ever seen under that name."""
    with contextlib.suppress(FileNotFoundError):
        if target.samefile(source):
            return
        old, new = target.stat(), source.stat()
        if old.st_size == new.st_size and old.st_mtime_ns == new.st_mtime_ns:
            return  # a copy that was made here: copy2 keeps the time of an artefact, which never changes
    temporary = target.with_name(f".{target.name}.part")
    temporary.unlink(missing_ok=True)
    try:
        os.link(source, temporary)
    except OSError:
        shutil.copy2(source, temporary)
    temporary.replace(target)
