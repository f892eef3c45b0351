"""Still files: the PNGs and thumbnails of a footage's clips and refusals, written early where the frame is at hand."""

from collections.abc import Callable, Iterable
from pathlib import Path

import av
from celstream_platform.errors import Invalid

from celstream_segmenter.clip_plan import PlannedClip, Refusal
from celstream_segmenter.conversion import colour
from celstream_segmenter.frame_checksum import frame_checksum
from celstream_segmenter.frame_reader import FrameReader
from celstream_segmenter.png import PngWriter
from celstream_segmenter.shots import Shot
from celstream_segmenter.small_pictures import SmallPicture, small_picture
from celstream_segmenter.stills import FrameKeeper
from celstream_segmenter.thumbnails import Thumbnail, jpeg_of, livelier, thumbnail


class StillFiles:
    """Writes stills into a folder, named by the frame's ordinal."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pngs: dict[int, Path] = {}
        self._small: dict[int, Thumbnail] = {}
        self._thumbnails: dict[int, Path] = {}
        self._checksums: dict[int, int] = {}
        self._writer = PngWriter()

    def take(
        self, shot: Shot, keeper: FrameKeeper, picture_of: Callable[[int], SmallPicture | None], *, likely_kept: bool
    ) -> None:
        """Write what a new shot is likely to need from the frames and small pictures that are still at hand."""
        first, last = keeper.get(shot.start_frame), keeper.get(shot.end_frame - 1)
        if likely_kept:
            for ordinal, frame in ((shot.start_frame, first), (shot.end_frame - 1, last)):
                if frame is not None:
                    self._write_png(ordinal, frame)
        elif (picture := picture_of(shot.start_frame)) is not None:
            self._write_thumbnail(shot.start_frame, picture)

    def complete(self, frames: FrameReader, decisions: Iterable[PlannedClip | Refusal]) -> None:
        """Decode the frames that the decisions need and that were not at hand.

        A refused frame that does not decode has no thumbnail. Raises Invalid where a clip's frame does not.
        """
        pngs, thumbnails = set[int](), set[int]()
        for decision in decisions:
            if isinstance(decision, PlannedClip):
                pngs |= {decision.start_frame, decision.end_frame - 1} - self._pngs.keys()
            else:
                thumbnails |= {decision.start_frame} - self._thumbnails.keys()
        for ordinal in sorted(pngs | thumbnails):
            try:
                frame = next(iter(frames.frames(ordinal, ordinal + 1)))
            except Invalid:
                if ordinal in pngs:
                    raise
                continue  # damaged, which is why it was refused
            if ordinal in pngs:
                self._write_png(ordinal, frame)
            if ordinal in thumbnails:
                self._write_thumbnail(ordinal, small_picture(frame))

    def checksum(self, ordinal: int) -> int:
        """`frame_checksum` of a frame that a clip needed."""
        return self._checksums[ordinal]

    def png(self, ordinal: int) -> str:
        """The PNG of a frame that a clip needed."""
        return str(self._pngs[ordinal])

    def thumbnail_of_clip(self, start_frame: int, end_frame: int) -> str:
        """The thumbnail of a clip whose first and last frame have PNGs."""
        path = self._folder / f"thumbnail-{start_frame}-{end_frame}.jpg"
        path.write_bytes(livelier(self._small[start_frame], self._small[end_frame - 1]).jpeg)
        return str(path)

    def thumbnail(self, ordinal: int) -> str:
        """The thumbnail of a frame that was refused; empty where it could not be decoded."""
        return str(self._thumbnails.get(ordinal, ""))

    def _write_png(self, ordinal: int, frame: av.VideoFrame) -> None:
        picture = colour(frame)
        path = self._folder / f"frame-{ordinal}.png"
        path.write_bytes(self._writer.png(picture))
        self._pngs[ordinal] = path
        self._small[ordinal] = thumbnail(picture)
        self._checksums[ordinal] = frame_checksum(frame)

    def _write_thumbnail(self, ordinal: int, picture: SmallPicture) -> None:
        path = self._folder / f"thumbnail-{ordinal}.jpg"
        path.write_bytes(jpeg_of(picture))
        self._thumbnails[ordinal] = path
