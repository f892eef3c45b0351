"""Packet index: which packet of a footage shows which frame, at what time, and where its sound lies.

One pass over the file without decoding. Frames are numbered in display order, as libav's decoder puts
them out over the whole file: packets that show nothing (alternate reference frames, frames that the
footage's own edit list hides, leading pictures of an open GOP at the very start) have no number.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import IntFlag
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from av.codec.context import ThreadType
from av.error import FFmpegError, InvalidDataError
from celstream_platform.errors import Invalid
from celstream_platform.footage.opening import main_video, open_container
from numpy.typing import NDArray

from celstream_segmenter.damage import Damage, around, holes, merged
from celstream_segmenter.packet_contents import NO_TIME, shows_a_frame
from celstream_segmenter.sound_index import SoundColumns, SoundIndex

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

MAX_UNREADABLE_PACKETS = 64
"""Read errors in a row after which the rest of a damaged file is given up: a broken file must come to an end."""


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

    packet_pts, packet_dts, packet_durations: ticks of time_base (NO_TIME: not given; duration 0: not given).
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
    packet_dts: NDArray[np.int64]
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
    """What a footage holds, by packet and by frame. Arrays only: a film of two hours takes about 10 MB."""

    container: str
    video: VideoIndex
    sounds: tuple[SoundIndex, ...]
    damage: tuple[Damage, ...]
    mute: tuple[tuple[int, str], ...] = ()
    """Streams of audio tracks that cannot be decoded at all, and why."""

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


def index_footage(path: Path) -> FootageIndex:
    """Read through `path` once and index its video stream and its audio tracks.

    Raises Invalid where there is no video stream or no frame.
    """
    with open_container(path) as container:
        video_stream = main_video(container, path.name)
        sounds, mute = _sound_columns(container)
        sound_streams = [columns.stream for columns in sounds.values()]
        packets = _PacketColumns(video_stream.codec_context.name)
        broken = False
        for packet in packets_through_damage(container, (video_stream, *sound_streams)):
            if packet is None:
                broken = True
            elif packet.stream_index == video_stream.index:
                packets.add(packet)
            else:
                sounds[packet.stream_index].add(packet)
        video = packets.index(video_stream)
        container_name = container.format.name
        tracks = tuple(columns.index() for columns in sounds.values())
    if not len(video.frame_ticks):
        raise Invalid(f"{path.name}: its video stream holds no frame. Give a file with moving pictures.")
    index = FootageIndex(container_name, video, tracks, (), mute)
    index = _with_decoded_start(path, index)
    return replace(index, damage=_damage_in_packets(index, broken))


def _sound_columns(container: "InputContainer") -> tuple[dict[int, SoundColumns], tuple[tuple[int, str], ...]]:
    """A column for each audio track that can be decoded, by its stream's index; and the other tracks."""
    found, mute = {}, []
    for stream in container.streams.audio:
        # Damage can give a track a codec that nobody knows: PyAV then has no context for it, against its own types.
        if not stream.codec_context:
            mute.append((stream.index, "its codec is unknown"))
            continue
        try:
            found[stream.index] = SoundColumns(stream)
        except InvalidDataError:
            mute.append((stream.index, f"its headers are not those of {stream.codec_context.name}"))
    return found, tuple(mute)


def packets_through_damage(container: "InputContainer", streams: tuple[Any, ...]) -> Iterator["Packet[Any] | None"]:
    """The packets of `streams` in file order; None where bytes could not be read and reading went on behind them."""
    failures = 0
    while failures < MAX_UNREADABLE_PACKETS:
        try:
            for packet in container.demux(*streams):
                failures = 0
                if packet.size and (packet.dts is not None or packet.pts is not None):
                    yield packet
        except FFmpegError:
            failures += 1
            yield None
        except IndexError:
            return  # damage made a stream appear in mid-file; PyAV miscounts its streams at the end of the file
        else:
            return


class _PacketColumns:
    """Collects the packets of the video stream, one array a column."""

    def __init__(self, codec: str) -> None:
        self.codec = codec
        self.rows: list[NDArray[np.int64]] = []
        self.block = np.empty((4096, 5), dtype=np.int64)
        self.used = 0

    def add(self, packet: "Packet[Any]") -> None:
        flags = (
            PacketFlag.KEY * packet.is_keyframe
            | PacketFlag.HIDDEN * packet.is_discard
            | PacketFlag.CORRUPT * packet.is_corrupt
            | PacketFlag.SHOWS_NOTHING * (not shows_a_frame(self.codec, memoryview(packet)))
            | PacketFlag.NEW_HEADERS * packet.has_sidedata("new_extradata")
        )
        if self.used == len(self.block):
            self.rows.append(self.block)
            self.block, self.used = np.empty_like(self.block), 0
        pts = NO_TIME if packet.pts is None else packet.pts
        dts = NO_TIME if packet.dts is None else packet.dts
        self.block[self.used] = (pts, dts, packet.duration or 0, packet.size, flags)
        self.used += 1

    def index(self, stream: "VideoStream") -> VideoIndex:
        table = np.concatenate([*self.rows, self.block[: self.used]])
        pts, dts, durations, sizes, flags = (np.ascontiguousarray(column) for column in table.T)
        flags = flags.astype(np.uint8)
        time_base = cast(Fraction, stream.time_base)
        shown = (flags & (PacketFlag.HIDDEN | PacketFlag.SHOWS_NOTHING)) == 0
        numbers = np.flatnonzero(shown).astype(np.int64)
        times = pts[numbers]
        missing = times == NO_TIME
        if missing.any() and len(numbers):
            # Without display times (AVI) the order of decoding is the best guess; `reconciled` sets it right.
            times = np.where(missing, dts[numbers], times)
        order = np.argsort(times, kind="stable")
        ticks = times[order]
        distinct = np.concatenate([[True], ticks[1:] > ticks[:-1]]) if len(ticks) else np.zeros(0, dtype=bool)
        frame_packets, ticks = numbers[order][distinct], ticks[distinct]
        return VideoIndex(
            stream.index,
            self.codec,
            time_base,
            stream.width,
            stream.height,
            pts,
            dts,
            durations,
            sizes.astype(np.int32),
            flags,
            frame_packets,
            ticks,
            _end_of_last_frame(ticks, frame_packets, durations, stream.average_rate, time_base),
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
    with open_container(path) as container:
        stream = container.streams[video.stream_index]
        stream.codec_context.thread_type = ThreadType.FRAME
        try:
            for frame in container.decode(cast("VideoStream", stream)):
                if frame.pts is not None:
                    given.append(frame.pts)
                    if frame.pts > sure:
                        break
        except FFmpegError:
            return index
    early = video.frame_ticks < (max(given) if given else sure)
    keep = ~early | np.isin(video.frame_ticks, np.array(given, dtype=np.int64))
    return replace(index, video=_keeping(video, keep))


def _keeping(video: VideoIndex, keep: NDArray[np.bool_]) -> VideoIndex:
    flags = video.packet_flags.copy()
    flags[video.frame_packets[~keep]] |= np.uint8(PacketFlag.SHOWS_NOTHING)
    return replace(
        video, packet_flags=flags, frame_packets=video.frame_packets[keep], frame_ticks=video.frame_ticks[keep]
    )


def _damage_in_packets(index: FootageIndex, broken: bool) -> tuple[Damage, ...]:
    flags = index.video.packet_flags[index.video.frame_packets]
    keys = np.flatnonzero(flags & PacketFlag.KEY)
    found = [
        around(keys, len(flags), f, f, "incomplete packet") for f in np.flatnonzero(flags & PacketFlag.CORRUPT).tolist()
    ]
    for frame in holes(index.frame_times):
        start, end = index.seconds_at(frame - 1), index.seconds_at(frame)
        # Bytes that are gone take sound with them; where the sound goes on, it is a frame that is shown for long.
        if all(sound.pauses_within(start, end) for sound in index.sounds):
            found.append(around(keys, len(flags), frame - 1, frame, "a hole in time"))
    if broken:
        found.append(Damage(len(flags), len(flags), "part of the file cannot be read"))
    return merged(found)


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
