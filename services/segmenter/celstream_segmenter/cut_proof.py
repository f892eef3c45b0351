"""Cut proof: does a clip decode to the very frames and samples of its footage, at the same times?"""

import itertools
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Literal, Self, cast

import numpy as np
from av.audio.frame import AudioFrame
from av.codec.context import ThreadType
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from celstream_platform.footage.opening import open_container
from numpy.typing import NDArray

from celstream_segmenter.cut_result import ClipSound, CutResult
from celstream_segmenter.frame_checksum import frame_checksum
from celstream_segmenter.frame_reader import ALL_OR_NONE, FrameReader
from celstream_segmenter.opened_file import OpenedFile
from celstream_segmenter.packet_index import FootageIndex
from celstream_segmenter.packet_proof import begins_anew, checksum_alone, packet_checksum
from celstream_segmenter.sound_cut import copied_packets, first_packet
from celstream_segmenter.sound_encode import Samples, channels_first, decoded_samples
from celstream_segmenter.sound_index import SoundIndex, packet_at
from celstream_segmenter.track_reader import TrackReader

Extent = Literal["start", "boundaries", "full"]
NO_KEYS: Mapping[int, int] = MappingProxyType({})

_BOUNDARY_FRAMES = 3
_BOUNDARY_SAMPLES = 8192
_SETTLED_PACKETS = 150
"""Packets decoded ahead of the footage's sound: 3 s of Opus, so that its decoder stands as after decoding it all."""


@dataclass(frozen=True, slots=True)
class CutProof:
    """What was compared, and what differed: no fault means the clip is the footage's own frames and samples.

    largest_difference: between the clip's sound and the footage's decoded without a break, in parts of full scale
    (extent "start": decoded from the same packet on). Copied sound is proven by its packets and by when it starts; what
    is left here is what the codec itself leaves to the decoder (AAC's noise substitution) or forgets slowly (Opus:
    below 1e-5).
    """

    extent: Extent
    frames_compared: int
    samples_compared: int
    largest_difference: float
    faults: tuple[str, ...]
    sound_faults: tuple[str, ...] = ()
    """Those of the faults that are the sound's."""

    @property
    def pictures_hold(self) -> bool:
        """Whether frames and times do not differ."""
        return len(self.faults) == len(self.sound_faults)

    @property
    def holds(self) -> bool:
        """Whether nothing differed."""
        return not self.faults


class Prover:
    """Proves clips of one footage; its files stay open from clip to clip."""

    def __init__(self, path: Path, index: FootageIndex, shared: OpenedFile | None = None) -> None:
        """shared: see TrackReader."""
        self._path = path
        self._index = index
        self._shared = shared
        self._frames: FrameReader | None = None
        self._sounds: dict[int, TrackReader] = {}

    def close(self) -> None:
        """Close the footage."""
        readers: Sequence[FrameReader | TrackReader | None] = (self._frames, *self._sounds.values())
        for reader in readers:
            if reader is not None:
                reader.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def prove(
        self,
        start_frame: int,
        clip_path: Path,
        result: CutResult,
        *,
        extent: Extent = "boundaries",
        expected: NDArray[np.uint64] | None = None,
        keys: Mapping[int, int] = NO_KEYS,
    ) -> CutProof:
        """Compare the clip with frames [start_frame, start_frame + result.frame_count) of the footage.

        extent: "full" decodes the whole clip. "boundaries" decodes its first and last frames, "start" its first one;
        the rest is counted and its times compared: the packets are the footage's own, and what follows a right frame
        decodes right.
        expected: frame_checksum of each of those frames ("start": of the first), where a decoding pass has them.
        keys: frame_checksum of the footage's key frames, by their time in ticks, where a decoding pass has them. With
        "start" the clip's hidden key frame then stands for its first frame, where `packet_proof` says that it can.
        """
        index, count = self._index, result.frame_count
        ticks = index.frame_times[start_frame : start_frame + count] - index.ticks_at(start_frame)
        times = [int(tick) * index.time_base for tick in ticks]
        wanted = _numbers(count, extent)
        with open_container(clip_path, headers_tell=True) as clip:
            pictures, heard = _packets_and_sound(clip, result.sounds, extent)
            faults = list(_timing_faults(sorted(pictures.shown), times))
            by_packets = extent == "start" and self._is_by_packets(clip, pictures, result, keys)
            given = {} if by_packets else _clip_checksums(clip, wanted, times, sparingly=not index.damage)
        sources = [] if by_packets else self._checksums(start_frame, wanted, expected)
        for number, source in zip([] if by_packets else wanted, sources, strict=True):
            if number not in given:
                faults.append(f"frame {number} of the clip is missing")
            elif given[number] != source:
                faults.append(f"frame {number} of the clip differs from the footage's frame {start_frame + number}")
        samples, largest, sound_faults = 0, 0.0, list[str]()
        for sound, plan in zip(index.sounds, result.sounds, strict=True):
            if plan.track is not None:
                difference, fault = self._compare_sound(sound, plan, heard[plan.track], extent)
                samples += heard[plan.track].wanted
                largest = max(largest, difference)
                sound_faults.extend(fault)
        return CutProof(extent, len(wanted), samples, largest, (*faults, *sound_faults), tuple(sound_faults))

    def _is_by_packets(
        self, clip: InputContainer, pictures: "_Pictures", result: CutResult, keys: Mapping[int, int]
    ) -> bool:
        """Whether the clip's packets prove its frames: see `packet_proof`."""
        copied, head = result.copied, pictures.first
        if copied is None or head is None or self._index.damage or pictures.checksums != list(copied.checksums):
            return False
        known = keys.get(int(self._index.video.packet_pts[copied.first]))
        context = clip.streams.video[0].codec_context
        return (
            known is not None
            and begins_anew(self._index.video.codec, bytes(context.extradata or b""), memoryview(head))
            and checksum_alone(context, head) == known
        )

    def _checksums(self, start_frame: int, wanted: list[int], expected: NDArray[np.uint64] | None) -> list[int]:
        if expected is not None:
            return [int(expected[number]) for number in wanted]
        if self._frames is None:
            self._frames = FrameReader(self._path, self._index)
        found: list[int] = []
        for first, last in _spans(wanted):
            frames = self._frames.frames(start_frame + first, start_frame + last + 1)
            found.extend(frame_checksum(frame) for frame in frames)
        return found

    def _compare_sound(
        self, sound: SoundIndex, plan: ClipSound, heard: "_Heard", extent: Extent
    ) -> tuple[float, list[str]]:
        """The largest difference from unbroken decoding, and what is wrong."""
        name = f"audio track {plan.track}"
        if heard.starts_at != plan.delay_samples:
            return 0.0, [f"{name} starts at sample {heard.starts_at} instead of {plan.delay_samples}"]
        if sound.stream_index not in self._sounds:
            reader = TrackReader(self._path, sound.stream_index, sound.packet_pts, sound.packet_sizes, self._shared)
            self._sounds[sound.stream_index] = reader
        reader = self._sounds[sound.stream_index]
        from_packet = first_packet(sound, plan.source_sample) if plan.stored == "copied" else None
        settled = max(packet_at(sound, plan.source_sample) - _SETTLED_PACKETS, 0)
        first, count = plan.source_sample, heard.wanted
        given = _joined(heard.blocks)[:, :count]
        same = _joined(decoded_samples(reader, sound, first, count, from_packet=from_packet))
        if given.shape != same.shape:
            return 0.0, [f"{name} gives {given.shape} channels and samples instead of {same.shape}"]
        difference = _difference(given, same)
        faults = [f"{name} differs by {difference:.2g} of full scale"] if difference > 0 else []
        if plan.stored == "copied":
            # What a decoder makes of a packet may depend on its own noise (AAC's and AC-3's do): the packets decide.
            source = [bytes(packet) for _, packet in reader.packets(*copied_packets(sound, plan))]
            same_packets = len(heard.packets) <= len(source) and all(
                # MP4 keeps AAC without the header that MPEG-TS puts before each packet.
                zlib.crc32(packet[len(packet) - size :]) == checksum
                for packet, (size, checksum) in zip(source[-len(heard.packets) :], heard.packets, strict=True)
            )
            faults = [] if same_packets else [f"{name} has other packets"]
        if extent == "start":
            return difference, faults
        whole = _joined(decoded_samples(reader, sound, first, count, from_packet=settled))
        return _difference(given, whole), faults


def prove_clip(
    path: Path,
    index: FootageIndex,
    start_frame: int,
    clip_path: Path,
    result: CutResult,
    *,
    extent: Extent = "boundaries",
    expected: NDArray[np.uint64] | None = None,
    keys: Mapping[int, int] = NO_KEYS,
) -> CutProof:
    """Prove one clip; for many clips of one footage keep a `Prover`. See Prover.prove."""
    with Prover(path, index) as prover:
        return prover.prove(start_frame, clip_path, result, extent=extent, expected=expected, keys=keys)


def _numbers(count: int, extent: Extent) -> list[int]:
    if extent == "start":
        return [0]
    if extent == "full" or count <= 2 * _BOUNDARY_FRAMES:
        return list(range(count))
    return [*range(_BOUNDARY_FRAMES), *range(count - _BOUNDARY_FRAMES, count)]


@dataclass(slots=True)
class _Heard:
    """The first `wanted` samples that a track of the clip plays, and the sample at which it starts (-1: never)."""

    wanted: int
    sample_rate: int
    starts_at: int = -1
    have: int = 0
    blocks: list[Samples] = field(default_factory=list)
    packets: list[tuple[int, int]] = field(default_factory=list)
    """Size and CRC-32 of each of its packets."""

    def add(self, frame: AudioFrame) -> None:
        if self.starts_at < 0 and frame.pts is not None and frame.time_base is not None:
            self.starts_at = round(frame.pts * frame.time_base * self.sample_rate)
        if self.have < self.wanted:
            self.blocks.append(channels_first(frame))
            self.have += frame.samples


@dataclass(slots=True)
class _Pictures:
    """The video packets of the clip: when its header shows frames, CRC-32 of each packet, and the first one."""

    shown: list[Fraction] = field(default_factory=list)
    checksums: list[int] = field(default_factory=list)
    first: "Packet[VideoStream] | None" = None

    def add(self, packet: "Packet[VideoStream]") -> None:
        if packet.size:
            self.first = self.first or packet
            self.checksums.append(packet_checksum(packet))
            if not packet.is_discard and packet.pts is not None:
                self.shown.append(packet.pts * packet.time_base)


def _packets_and_sound(
    clip: InputContainer, sounds: Sequence[ClipSound], extent: Extent
) -> tuple[_Pictures, dict[int, _Heard]]:
    """One pass over the clip: its video packets, and what its tracks play."""
    pictures = _Pictures()
    heard: dict[int, _Heard] = {}
    for plan in sounds:
        if plan.track is not None:
            count = plan.sample_count if extent == "full" else min(plan.sample_count, _BOUNDARY_SAMPLES)
            heard[plan.track] = _Heard(count, plan.sample_rate)
    video = clip.streams.video[0]
    tracks = {stream.index: number for number, stream in enumerate(clip.streams.audio)}
    for packet in clip.demux(video, *clip.streams.audio):
        if packet.stream_index == video.index:
            pictures.add(cast("Packet[VideoStream]", packet))
        else:
            track = heard.get(tracks[packet.stream_index])
            if track is not None and packet.size:
                track.packets.append((packet.size, zlib.crc32(memoryview(packet))))
            if track is not None and track.have < track.wanted:
                for frame in cast(list[AudioFrame], packet.decode()):
                    track.add(frame)
    return pictures, heard


def _timing_faults(shown: list[Fraction], times: list[Fraction]) -> Iterator[str]:
    """Whether the clip shows as many frames as it should, each at its time."""
    if shown != times:
        same = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(shown, times, strict=False)))
        yield f"the clip shows {len(shown)} frames instead of {len(times)}, or frame {same} at another time"


def _clip_checksums(
    clip: InputContainer, wanted: list[int], times: list[Fraction], *, sparingly: bool
) -> dict[int, int]:
    """Checksums of the wanted frames of the clip, by number; frames at unknown times are left out.

    sparingly: on the way to a wanted frame, pass over the frames that no other one refers to. What a decoder makes of
    damage may depend on them.
    """
    number_at = {time: number for number, time in enumerate(times)}
    found: dict[int, int] = {}
    missing = set(wanted)
    stream = clip.streams.video[0]
    if not stream.codec_context.is_open:
        stream.codec_context.thread_type = ThreadType.FRAME
        stream.codec_context.thread_count = 1 if len(wanted) == 1 else 0  # more threads decode what nobody waits for
    for first, last in _spans(wanted):
        if stream.time_base:
            clip.seek(int(times[first] / stream.time_base), stream=stream, backward=True)
        begins = int(times[first] / stream.time_base) if stream.time_base else None
        for frame in _decoded(clip, stream, begins, sparingly=sparingly, alone=len(wanted) == 1):
            time_base = frame.time_base or stream.time_base  # frames that were held back bring none
            if frame.pts is None or time_base is None:
                continue
            number = number_at.get(frame.pts * time_base)
            if number in missing:
                found[number] = frame_checksum(frame)
                missing.discard(number)
            if number is not None and number >= last:
                break
    return found


def _decoded(
    clip: InputContainer, stream: VideoStream, begins: int | None, *, sparingly: bool, alone: bool
) -> Iterator[VideoFrame]:
    """The frames from where the clip stands.

    sparingly: before the time `begins`, in ticks, those alone that others refer to. alone: no more than it takes to
    show the frame of that time.
    """
    context = stream.codec_context
    for packet in clip.demux(stream):
        if sparingly and begins is not None and context.name not in ALL_OR_NONE:
            leads_in = packet.pts is not None and packet.pts < begins
            context.skip_frame = "NONREF" if leads_in else "DEFAULT"
        yield from packet.decode()
        if alone and packet.pts is not None and packet.pts == begins:
            yield from context.decode(None)  # what it holds back for frames that might come before it
            return


def _spans(numbers: list[int]) -> list[tuple[int, int]]:
    """Runs of consecutive numbers, as first and last."""
    breaks = [n for n in range(1, len(numbers)) if numbers[n] != numbers[n - 1] + 1]
    edges = [0, *breaks, len(numbers)]
    return [(numbers[a], numbers[b - 1]) for a, b in itertools.pairwise(edges)]


def _difference(given: Samples, source: Samples) -> float:
    if np.array_equal(given, source):
        return 0.0
    scale = 1.0 if np.issubdtype(source.dtype, np.floating) else float(np.iinfo(source.dtype).max)
    return float(np.abs(given.astype(np.float64) - source.astype(np.float64)).max()) / scale


def _joined(blocks: Iterable[Samples]) -> Samples:
    parts = list(blocks)
    return np.concatenate(parts, axis=1) if parts else np.zeros((0, 0))
