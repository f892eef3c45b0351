"""Packet cut: the video packets of a clip, copied as they are, and what of them is shown."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, cast

import numpy as np
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream
from numpy.typing import NDArray

from celstream_segmenter.clip_file import ClipTrack, Shown
from celstream_segmenter.frame_reader import key_packets_before
from celstream_segmenter.packet_contents import NO_TIME
from celstream_segmenter.packet_index import FootageIndex, PacketFlag, VideoIndex
from celstream_segmenter.packet_proof import packet_checksum
from celstream_segmenter.track_reader import TrackReader

CODECS_IN_MP4 = frozenset({"h264", "hevc", "av1", "libdav1d", "vp9", "libvpx-vp9", "mpeg4", "mpeg2video", "mpeg1video"})
"""Codecs whose packets MP4 holds and libav shows frame by frame from an edit list."""


@dataclass(frozen=True, slots=True, eq=False)
class PacketRun:
    """Packets first to last of the footage, in file order, with display and decoding times that start at 0 (ticks).

    lead_in_ticks: from the first packet's frame to the first frame that is shown. lead_in_frames: how many frames
    are hidden before it. start: display time of the first frame that is shown.
    """

    first: int
    last: int
    pts: NDArray[np.int64]
    dts: NDArray[np.int64]
    lead_in_ticks: int
    lead_in_frames: int
    start: int


def packet_run(video: VideoIndex, start_frame: int, end_frame: int, *, keys_back: int = 0) -> PacketRun | str:
    """The packets that frames [start_frame, end_frame) need, from the key frame before on (keys_back: further back).

    Returns the reason in words where the packets cannot make a clip.
    """
    wanted = video.frame_packets[start_frame:end_frame]
    keys = key_packets_before(video, start_frame)
    first = keys[min(keys_back, len(keys) - 1)]
    last = int(wanted.max())
    pts = video.packet_pts[first : last + 1]
    flags = video.packet_flags[first : last + 1]
    if (pts == NO_TIME).any():
        return "packets without display times"
    if len(np.unique(pts)) != len(pts):
        return "two packets with the same display time"
    if (flags[1:] & PacketFlag.NEW_HEADERS).any() or (video.packet_flags[: first + 1] & PacketFlag.NEW_HEADERS).any():
        return "codec headers that change on the way"
    start, end = int(video.frame_ticks[start_frame]), _end_ticks(video, end_frame)
    inside = (pts >= start) & (pts < end)
    if int(inside.sum()) != end_frame - start_frame:
        return "packets inside the range that show no frame"
    in_order = np.sort(pts)
    dts = in_order - int((in_order - pts).max())
    lead_in = start - int(pts[0])
    hidden = int(((pts < start) & ((flags & PacketFlag.SHOWS_NOTHING) == 0)).sum())
    return PacketRun(first, last, pts - dts[0], dts - dts[0], lead_in, hidden, start - int(dts[0]))


def _end_ticks(video: VideoIndex, end_frame: int) -> int:
    return int(video.frame_ticks[end_frame]) if end_frame < len(video.frame_ticks) else video.end_ticks


def video_track(
    reader: TrackReader, index: FootageIndex, run: PacketRun, start_frame: int, end_frame: int, checksums: list[int]
) -> ClipTrack:
    """The track that copies `run` and shows frames [start_frame, end_frame) of it.

    checksums: `packet_checksum` of each packet is added to it as it is copied.
    """
    time_base = index.time_base
    scale = time_base.numerator

    def add(out: OutputContainer) -> Stream:
        source = cast(VideoStream, reader.stream)
        stream = out.add_stream_from_template(source, opaque=True)
        stream.metadata.update(_kept_metadata(source))
        if source.sample_aspect_ratio:
            stream.codec_context.sample_aspect_ratio = source.sample_aspect_ratio
        return stream

    def packets(stream: Stream) -> Iterator["Packet[Any]"]:
        ends = np.append(run.dts[1:], run.dts[-1] + max(int(index.video.packet_durations[run.last]), 1))
        for number, packet in reader.packets(run.first, run.last):
            at = number - run.first
            checksums.append(packet_checksum(packet))
            packet.pts, packet.dts = int(run.pts[at]) * scale, int(run.dts[at]) * scale
            packet.duration = int(ends[at] - run.dts[at]) * scale
            if at > 0 and run.pts[at] <= run.start and packet.is_keyframe:
                packet.is_keyframe = False  # a demuxer would start here, past the packets that are needed
            yield packet

    duration = (index.ticks_at(end_frame) - index.ticks_at(start_frame)) * time_base
    return ClipTrack(
        add,
        packets,
        time_base.denominator,
        run.last - run.first + 1,
        Shown(Fraction(0), run.start * time_base, duration),
    )


def _kept_metadata(source: Stream) -> dict[str, str]:
    return {key: value for key, value in source.metadata.items() if key == "language"}
