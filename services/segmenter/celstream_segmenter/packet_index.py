"""Packet index: which packet of a footage shows which frame, at what time, and where its sound lies.

One pass over the file without decoding. Frames are numbered in display order, as libav's decoder puts
them out over the whole file: packets that show nothing (alternate reference frames, frames that the
footage's own edit list hides, leading pictures of an open GOP at the very start) have no number.
"""

from dataclasses import dataclass, field, replace
from enum import IntFlag
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from av.codec.context import ThreadType
from av.error import FFmpegError, InvalidDataError
from celstream_platform.errors import Invalid
from celstream_platform.footage.opening import main_video
from numpy.typing import NDArray

from celstream_segmenter.columns import BLOCK, Column, Shelf
from celstream_segmenter.damage import Damage, around, holes, merged
from celstream_segmenter.display_order import Numbered, in_display_order
from celstream_segmenter.opened_file import OpenedFile
from celstream_segmenter.packet_contents import NO_TIME, shows_a_frame
from celstream_segmenter.sound_index import SoundColumns, SoundIndex

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream


class PacketFlag(IntFlag):
    """What is known of a packet without decoding it."""

    KEY = 1
    HIDDEN = 2
    """The footage's own edit list hides its frame."""
    CORRUPT = 4
    """The demuxer found its bytes incomplete."""
    SHOWS_NOTHING = 8
    """It only feeds later packets, or the decoder gave no frame for it."""
    NEW_HEADERS = 16
    """The codec's headers change here (size, profile, …)."""


@dataclass(frozen=True, slots=True, eq=False)
class VideoIndex:
    """The packets of the one video stream in file order, and its frames in display order.

    packet_pts, packet_durations: ticks of time_base (NO_TIME: not given; duration 0: not given).
    packet_sizes: bytes. packet_flags: PacketFlag.
    frame_packets: for each frame the number of its packet. frame_ticks: for each frame its time, rising.
    end_ticks: when the last frame ends.
    """

    stream_index: int
    codec: str
    time_base: Fraction
    width: int
    height: int
    packet_pts: NDArray[np.int64]
    packet_durations: NDArray[np.int64]
    packet_sizes: NDArray[np.int32]
    packet_flags: NDArray[np.uint8]
    frame_packets: NDArray[np.int64]
    frame_ticks: NDArray[np.int64]
    end_ticks: int

    def key_packets(self) -> NDArray[np.int64]:
        """The numbers of the packets at which decoding can begin."""
        return np.flatnonzero(self.packet_flags & PacketFlag.KEY).astype(np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class FootageIndex:
    """What a footage holds, by packet and by frame. Arrays only, 8 MB for an hour; see `columns`.

    shelf: where the arrays are kept. Once a part of them has been worked with, let go of it.
    """

    container: str
    video: VideoIndex
    sounds: tuple[SoundIndex, ...]
    damage: tuple[Damage, ...]
    mute: tuple[tuple[int, str], ...] = ()
    """Streams of audio tracks that cannot be decoded at all, and why."""
    shelf: Shelf = field(default_factory=Shelf)

    @property
    def frame_count(self) -> int:
        """How many frames the footage shows."""
        return len(self.video.frame_ticks)

    @property
    def time_base(self) -> Fraction:
        """The unit of `frame_times`, in seconds."""
        return self.video.time_base

    @property
    def frame_times(self) -> NDArray[np.int64]:
        """When each frame is shown: int64, ticks of `time_base`, strictly rising; the first need not be 0."""
        return self.video.frame_ticks

    def ticks_at(self, frame: int) -> int:
        """When `frame` begins, in ticks; for `frame_count`, when the last frame ends."""
        return int(self.video.frame_ticks[frame]) if frame < self.frame_count else self.video.end_ticks

    def seconds_at(self, frame: int) -> Fraction:
        """When `frame` begins, in seconds; for `frame_count`, when the last frame ends."""
        return self.ticks_at(frame) * self.time_base

    def frame_number(self, ticks: int) -> int | None:
        """The frame that is shown at exactly `ticks`; None where there is none."""
        at = int(np.searchsorted(self.video.frame_ticks, ticks))
        return at if at < self.frame_count and int(self.video.frame_ticks[at]) == ticks else None

    def reconciled(self, decoded_ticks: NDArray[np.int64], corrupt: NDArray[np.bool_] | None = None) -> "FootageIndex":
        """The index after a full decode: only frames that the decoder gave, with the damage that it met.

        A frame that comes out late, after one that is shown later (damaged footage), is left out as well: what was
        measured per decoded frame fits the new numbers after `frame_number`.
        decoded_ticks: the time stamps of all frames as they came out of the decoder, in ticks of `time_base`.
        corrupt: for each of them whether the decoder marked it as corrupt.
        """
        return _reconciled(self, decoded_ticks, corrupt)


def index_footage(path: Path, folder: Path | None = None) -> FootageIndex:
    """Read through `path` once and index its video stream and its audio tracks.

    folder: for the index of a long film; without one it is kept in memory. Raises Invalid where there is no video
    stream or no frame, OSError where the folder cannot be written to.
    """
    shelf = Shelf(folder)
    with OpenedFile(path) as file:
        container = file.container
        video_stream = main_video(container, path.name)
        sounds, mute = _sound_columns(container, shelf)
        packets = _PacketColumns(video_stream.codec_context.name, shelf)
        broken = False
        for packet in file.packets(video_stream.index, *sounds):
            if packet is None:
                broken = True
            elif packet.stream_index == video_stream.index:
                packets.add(packet)
            else:
                sounds[packet.stream_index].add(packet)
        video = packets.index(video_stream, file.rate(video_stream))
        container_name = container.format.name
        tracks = tuple(columns.index() for columns in sounds.values())
    if not len(video.frame_ticks):
        raise Invalid(f"{path.name}: its video stream holds no frame. Give a file with moving pictures.")
    index = FootageIndex(container_name, video, tracks, (), mute, shelf)
    index = _with_decoded_start(path, index)
    index = replace(index, damage=_damage_in_packets(index, broken))
    shelf.let_go()
    return index


def _sound_columns(
    container: "InputContainer", shelf: Shelf
) -> tuple[dict[int, SoundColumns], tuple[tuple[int, str], ...]]:
    """A column for each audio track that can be decoded, by its stream's index; and the other tracks."""
    found, mute = {}, []
    for stream in container.streams.audio:
        # Damage can give a track a codec that nobody knows: PyAV then has no context for it, against its own types.
        if not stream.codec_context:
            mute.append((stream.index, "its codec is unknown"))
            continue
        if not stream.codec_context.sample_rate or not stream.codec_context.channels:
            mute.append((stream.index, f"nothing is known of the sound of its codec, {stream.codec_context.name}"))
            continue
        try:
            found[stream.index] = SoundColumns(stream, shelf)
        except InvalidDataError:
            mute.append((stream.index, f"its headers are not those of {stream.codec_context.name}"))
    return found, tuple(mute)


class _PacketColumns:
    """Collects the packets of the video stream."""

    def __init__(self, codec: str, shelf: Shelf) -> None:
        self.codec = codec
        self._shelf = shelf
        self._pts, self._dts, self._durations = (Column(shelf, np.int64) for _ in range(3))
        self._sizes, self._flags = Column(shelf, np.int32), Column(shelf, np.uint8)
        self._count = 0

    def add(self, packet: "Packet[Any]") -> None:
        flags = (
            PacketFlag.KEY * packet.is_keyframe
            | PacketFlag.HIDDEN * packet.is_discard
            | PacketFlag.CORRUPT * packet.is_corrupt
            | PacketFlag.SHOWS_NOTHING * (not shows_a_frame(self.codec, memoryview(packet)))
            | PacketFlag.NEW_HEADERS * packet.has_sidedata("new_extradata")
        )
        self._pts.append(NO_TIME if packet.pts is None else packet.pts)
        self._dts.append(NO_TIME if packet.dts is None else packet.dts)
        self._durations.append(packet.duration or 0)
        self._sizes.append(packet.size)
        self._flags.append(flags)
        self._count += 1
        if self._count % BLOCK == 0:
            for column in (self._pts, self._dts, self._durations, self._sizes, self._flags):
                column.rest()

    def index(self, stream: "VideoStream", rate: Fraction | None) -> VideoIndex:
        columns = (self._pts, self._dts, self._durations, self._sizes, self._flags)
        pts, dts, durations, sizes, flags = (column.finished() for column in columns)
        time_base = cast(Fraction, stream.time_base)

        def shown(part: slice) -> Numbered:
            numbers = np.flatnonzero((flags[part] & (PacketFlag.HIDDEN | PacketFlag.SHOWS_NOTHING)) == 0)
            times = pts[part][numbers]
            # Without display times (AVI) the order of decoding is the best guess; `reconciled` sets it right.
            return numbers + part.start, np.where(times == NO_TIME, dts[part][numbers], times)

        frame_packets, ticks = in_display_order(shown, len(pts), self._shelf)
        return VideoIndex(
            stream.index,
            self.codec,
            time_base,
            stream.width,
            stream.height,
            pts,
            durations,
            sizes,
            flags,
            frame_packets,
            ticks,
            _end_of_last_frame(ticks, frame_packets, durations, rate, time_base),
        )


def _end_of_last_frame(
    ticks: NDArray[np.int64],
    frame_packets: NDArray[np.int64],
    durations: NDArray[np.int64],
    rate: Fraction | None,
    time_base: Fraction,
) -> int:
    """When the last frame ends: by its packet's duration, else by the spacing before it, else by the stated rate."""
    if not len(ticks):
        return 0
    length = int(durations[frame_packets[-1]])
    if length <= 0 and len(ticks) > 1:
        length = int(np.median(np.diff(ticks[-25:])))
    if length <= 0 and rate:
        length = round(1 / rate / time_base)
    return int(ticks[-1]) + max(length, 1)


def _with_decoded_start(path: Path, index: FootageIndex) -> FootageIndex:
    """Leave out the frames at the very start that no decoder can show (footage cut out of an open GOP)."""
    video = index.video
    keys = video.key_packets()
    sure = int(video.packet_pts[keys[0]]) if len(keys) else NO_TIME
    if sure == NO_TIME or video.frame_ticks[0] >= sure:
        return index
    given: list[int] = []
    with OpenedFile(path) as file:
        stream = file.container.streams[video.stream_index]
        stream.codec_context.thread_type = ThreadType.FRAME
        try:
            for frame in file.container.decode(cast("VideoStream", stream)):
                if frame.pts is not None:
                    given.append(frame.pts)
                    if frame.pts > sure:
                        break
        except FFmpegError:
            return index
    early = int(np.searchsorted(video.frame_ticks, max(given) if given else sure))
    keep = np.isin(video.frame_ticks[:early], np.array(given, dtype=np.int64))
    return replace(index, video=_keeping(video, keep))


def _keeping(video: VideoIndex, keep: NDArray[np.bool_]) -> VideoIndex:
    """The same without some of its first frames. keep: of each of so many of them, whether it stays."""
    count = len(keep)
    flags = video.packet_flags.copy()
    flags[video.frame_packets[:count][~keep]] |= np.uint8(PacketFlag.SHOWS_NOTHING)

    def kept(frames: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.concatenate((frames[:count][keep], frames[count:])) if keep.any() else frames[count:]

    return replace(
        video, packet_flags=flags, frame_packets=kept(video.frame_packets), frame_ticks=kept(video.frame_ticks)
    )


def _damage_in_packets(index: FootageIndex, broken: bool) -> tuple[Damage, ...]:
    count = index.frame_count
    keys, corrupt = _flagged_frames(index, PacketFlag.KEY), _flagged_frames(index, PacketFlag.CORRUPT)
    found = [around(keys, count, frame, frame, "incomplete packet") for frame in corrupt.tolist()]
    for frame in holes(index.frame_times, index.shelf):
        start, end = index.seconds_at(frame - 1), index.seconds_at(frame)
        # Bytes that are gone take sound with them; where the sound goes on, it is a frame that is shown for long.
        if all(sound.pauses_within(start, end) for sound in index.sounds):
            found.append(around(keys, count, frame - 1, frame, "a hole in time"))
        index.shelf.let_go()
    if broken:
        found.append(Damage(count, count, "part of the file cannot be read"))
    return merged(found)


def _flagged_frames(index: FootageIndex, flag: PacketFlag) -> NDArray[np.int64]:
    """The numbers of the frames whose packets have that flag."""
    video = index.video
    found = [
        np.flatnonzero(video.packet_flags[video.frame_packets[part]] & flag) + part.start
        for part in index.shelf.blocks(index.frame_count)
    ]
    return np.concatenate(found) if found else np.empty(0, np.int64)


def _among(ticks: NDArray[np.int64], rising: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which of `ticks` are in `rising`; numpy's own search takes several times the memory, and a film may be long."""
    if not len(rising):
        return np.zeros(len(ticks), np.bool_)
    at = np.minimum(np.searchsorted(rising, ticks), len(rising) - 1)
    return np.asarray(rising[at] == ticks, np.bool_)


def _reconciled(index: FootageIndex, decoded: NDArray[np.int64], corrupt: NDArray[np.bool_] | None) -> FootageIndex:
    video = index.video
    in_order = decoded >= np.maximum.accumulate(decoded) if len(decoded) else np.zeros(0, dtype=bool)
    keep = _among(video.frame_ticks, decoded[in_order])
    kept, found = video, list(index.damage)
    whole = bool(keep.all())
    if whole and (corrupt is None or not corrupt.any()):
        return index
    if not whole:
        kept = _keeping(video, keep)
        moved = np.concatenate([[0], np.cumsum(keep)])  # frame numbers before -> after
        found = [Damage(int(moved[d.start_frame]), int(moved[d.end_frame]), d.what) for d in found]
    keys = np.flatnonzero(kept.packet_flags[kept.frame_packets] & PacketFlag.KEY)
    count = len(kept.frame_ticks)
    if not whole:
        lost = np.unique(moved[np.flatnonzero(~keep)])
        found.extend(around(keys, count, frame - 1, frame, "packets without a picture") for frame in lost)
    if corrupt is not None and corrupt.any():
        bad = np.flatnonzero(np.isin(kept.frame_ticks, decoded[corrupt]))
        found.extend(around(keys, count, frame, frame, "decoder error") for frame in bad.tolist())
    return replace(index, video=kept, damage=merged(found))
