"""Lossless cut: frames [start, end) of a footage as a clip of its own, every pixel and every sample unchanged.

Packets are copied from the key frame before the first frame on, and MP4's edit list hides what is not the clip: no
encoder, about 10 ms a clip. Where that cannot be (the lead-in would be too long, MP4 cannot hold the codec, the
packets do not prove to decode the same) the frames are encoded mathematically lossless, and the result says so.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from av.error import ArgumentError, InvalidDataError
from celstream_platform.errors import Invalid
from numpy.typing import NDArray

from celstream_segmenter.clip_file import ClipTrack, write_clip
from celstream_segmenter.cut_proof import NO_KEYS, CutProof, Extent, Prover
from celstream_segmenter.cut_result import ClipSound, CopiedPackets, CutResult
from celstream_segmenter.frame_reader import FrameReader
from celstream_segmenter.lossless_encode import encoded_track
from celstream_segmenter.opened_file import OpenedFile
from celstream_segmenter.packet_cut import CODECS_IN_MP4, PacketRun, packet_run, video_track
from celstream_segmenter.packet_index import FootageIndex
from celstream_segmenter.sound_cut import copied_track, plan_sound
from celstream_segmenter.sound_encode import encoded_sound_track
from celstream_segmenter.sound_index import SoundIndex
from celstream_segmenter.track_reader import TrackReader

MAX_LEAD_IN_SECONDS = 5.0
"""Hidden lead-in that a clip may carry. Past it a short clip is mostly packets that nobody sees.

Up to it, copied packets are the better clip: 1080p of 3 to 4 s behind a lead-in of 2.3 and 3.6 s takes a fifth of the
bytes that lossless encoding takes, a hundredth of the time to cut, and one and a half times the time to read.
"""


class Cutter:
    """Cuts clips out of one footage; its files stay open from clip to clip.

    Ranges in rising order let the encoded ones share one decoding pass, also through a film with a single key frame.
    """

    def __init__(self, path: Path, index: FootageIndex) -> None:
        self._path = path
        self._index = index
        self._file: OpenedFile | None = None
        self._video: TrackReader | None = None
        self._frames: FrameReader | None = None
        self._sounds: dict[tuple[int, bool], TrackReader] = {}
        """By stream, and whether its packets are copied."""
        self._prover: Prover | None = None

    def close(self) -> None:
        """Close the footage."""
        for opened in (self._video, self._frames, self._prover, *self._sounds.values(), self._file):
            if opened is not None:
                opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def cut(
        self,
        start_frame: int,
        end_frame: int,
        out_path: Path,
        *,
        max_lead_in_seconds: float = MAX_LEAD_IN_SECONDS,
        keys_back: int = 0,
        encode_because: str | None = None,
        left_out: Mapping[int, str] | None = None,
    ) -> CutResult:
        """Write frames [start_frame, end_frame) with their sound to `out_path` (MP4).

        max_lead_in_seconds: a longer lead-in is encoded instead. keys_back: how many key frames further back to begin.
        encode_because: encode, for this reason, whatever the packets are. left_out: streams of audio tracks that do not
        go along, and why. Raises ValueError for a range outside the footage, Invalid where a frame cannot be decoded or
        a track cannot be kept, InvalidDataError where MP4 does not take the packets.
        """
        if not 0 <= start_frame < end_frame <= self._index.frame_count:
            raise ValueError(
                f"frames {start_frame} to {end_frame}: the footage has frames 0 to {self._index.frame_count}. "
                "Give a start before an end, both inside."
            )
        run = encode_because or self._run(start_frame, end_frame, max_lead_in_seconds, keys_back)
        checksums: list[int] = []
        track = (
            self._encode(start_frame, end_frame)
            if isinstance(run, str)
            else self._copy(run, start_frame, end_frame, checksums)
        )
        sounds, sound_tracks = self._cut_sounds(start_frame, end_frame, left_out or {})
        try:
            write_clip(out_path, [track, *sound_tracks])
        except ArgumentError as error:
            raise Invalid(f"{self._path.name}: MP4 does not take its packets, whose times jump back.") from error
        index = self._index
        return CutResult(
            "encoded" if isinstance(run, str) else "packets",
            end_frame - start_frame,
            index.time_base,
            index.ticks_at(end_frame) - index.ticks_at(start_frame),
            0 if isinstance(run, str) else run.lead_in_frames,
            run if isinstance(run, str) else None,
            sounds,
            None if isinstance(run, str) else CopiedPackets(run.first, tuple(checksums)),
        )

    def cut_and_prove(
        self,
        start_frame: int,
        end_frame: int,
        out_path: Path,
        *,
        extent: Extent = "boundaries",
        expected: NDArray[np.uint64] | None = None,
        keys: Mapping[int, int] = NO_KEYS,
        max_lead_in_seconds: float = MAX_LEAD_IN_SECONDS,
    ) -> tuple[CutResult, CutProof]:
        """Like `cut`, and proven: where copied packets decode differently, from an earlier key frame, else encoded.

        An audio track that cannot go along, unaltered, is left out; the result says why.
        expected: frame_checksum of each frame of the range, where a decoding pass has them already; keys: see Prover.
        Raises Invalid where even the encoded clip differs: the footage does not decode the same way twice;
        InvalidDataError where MP4 does not take its packets.
        """
        try:
            return self._cut_and_prove(
                start_frame, end_frame, out_path, extent, expected, keys, max_lead_in_seconds, {}
            )
        except (Invalid, InvalidDataError):
            left_out = self._faulty_sounds(start_frame, end_frame, out_path, extent, max_lead_in_seconds)
            if not left_out:
                raise
        return self._cut_and_prove(
            start_frame, end_frame, out_path, extent, expected, keys, max_lead_in_seconds, left_out
        )

    def _faulty_sounds(
        self, start_frame: int, end_frame: int, out_path: Path, extent: Extent, max_lead_in_seconds: float
    ) -> dict[int, str]:
        """The audio tracks with which alone no clip can be made, and why."""
        faulty = {}
        streams = [sound.stream_index for sound in self._index.sounds]
        for stream in streams:
            others = {other: "tried alone" for other in streams if other != stream}
            try:
                result = self.cut(
                    start_frame, end_frame, out_path, max_lead_in_seconds=max_lead_in_seconds, left_out=others
                )
                proof = self._proven(start_frame, out_path, result, extent, None, NO_KEYS)
                if proof.sound_faults:
                    faulty[stream] = f"it does not decode the same way twice ({proof.sound_faults[0]})"
            except Invalid as error:
                faulty[stream] = str(error)
            except InvalidDataError as error:
                faulty[stream] = f"its packets cannot be put into a file of their own ({error.strerror})"
        return faulty

    def _proven(
        self,
        start_frame: int,
        path: Path,
        result: CutResult,
        extent: Extent,
        expected: NDArray[np.uint64] | None,
        keys: Mapping[int, int],
    ) -> CutProof:
        if self._prover is None:
            self._prover = Prover(self._path, self._index, self._opened())
        return self._prover.prove(start_frame, path, result, extent=extent, expected=expected, keys=keys)

    def _cut_and_prove(
        self,
        start_frame: int,
        end_frame: int,
        out_path: Path,
        extent: Extent,
        expected: NDArray[np.uint64] | None,
        keys: Mapping[int, int],
        max_lead_in_seconds: float,
        left_out: Mapping[int, str],
    ) -> tuple[CutResult, CutProof]:
        reason: str | None = None
        proof: CutProof | None = None
        for keys_back, because in ((0, None), (1, None), (0, "the packets do not decode to the same frames")):
            if because is not None and proof is not None:
                reason = f"{because}: {proof.faults[0]}"
            result = self.cut(
                start_frame,
                end_frame,
                out_path,
                max_lead_in_seconds=max_lead_in_seconds,
                keys_back=keys_back,
                encode_because=reason,
                left_out=left_out,
            )
            proof = self._proven(start_frame, out_path, result, extent, expected, keys)
            if proof.holds:
                return result, proof
            if result.method == "encoded" or proof.pictures_hold:
                break
        faults = "; ".join(proof.faults) if proof else ""
        raise Invalid(
            f"{self._path.name}: frames {start_frame} to {end_frame} do not decode the same way twice ({faults}). "
            "Convert the footage, or leave the range out."
        )

    def _run(self, start_frame: int, end_frame: int, max_lead_in_seconds: float, keys_back: int) -> PacketRun | str:
        """The packets to copy, or why they cannot be."""
        video = self._index.video
        if video.codec not in CODECS_IN_MP4:
            return f"MP4 does not hold {video.codec}"
        run = packet_run(video, start_frame, end_frame, keys_back=keys_back)
        if isinstance(run, str):
            return run
        lead_in = run.lead_in_ticks * video.time_base
        if lead_in > max_lead_in_seconds:
            return f"lead-in of {float(lead_in):.1f} s from the key frame, more than {max_lead_in_seconds:g} s"
        return run

    def _copy(self, run: PacketRun, start_frame: int, end_frame: int, checksums: list[int]) -> ClipTrack:
        video = self._index.video
        if self._video is None:
            self._video = TrackReader(
                self._path, video.stream_index, video.packet_pts, video.packet_sizes, self._opened()
            )
        return video_track(self._video, self._index, run, start_frame, end_frame, checksums)

    def _opened(self) -> OpenedFile:
        if self._file is None:
            self._file = OpenedFile(self._path)
        return self._file

    def _encode(self, start_frame: int, end_frame: int) -> ClipTrack:
        if self._frames is None:
            self._frames = FrameReader(self._path, self._index)
        return encoded_track(self._frames, self._index, start_frame, end_frame)

    def _cut_sounds(
        self, start_frame: int, end_frame: int, left_out: Mapping[int, str]
    ) -> tuple[tuple[ClipSound, ...], list[ClipTrack]]:
        start, end = self._index.seconds_at(start_frame), self._index.seconds_at(end_frame)
        plans: list[ClipSound] = []
        tracks: list[ClipTrack] = []
        for sound in self._index.sounds:
            if why := left_out.get(sound.stream_index):
                plans.append(ClipSound(sound.stream_index, None, sound.sample_rate, 0, 0, 0, 0, "left out", "", why))
                continue
            plan = plan_sound(sound, start, end, len(tracks))
            plans.append(plan)
            if plan.track is not None:
                tracks.append(self._sound_track(sound, plan))
        return tuple(plans), tracks

    def _sound_track(self, sound: SoundIndex, plan: ClipSound) -> ClipTrack:
        copied = plan.stored == "copied"
        reader = self._sounds.get((sound.stream_index, copied))
        if reader is None:
            # What is encoded is read while the video is: out of a file of its own.
            shared = self._opened() if copied else None
            reader = TrackReader(self._path, sound.stream_index, sound.packet_pts, sound.packet_sizes, shared)
            self._sounds[sound.stream_index, copied] = reader
        if copied:
            return copied_track(reader, sound, plan)
        return encoded_sound_track(
            reader, sound, plan.codec_in_clip, plan.source_sample, plan.sample_count, plan.delay_samples
        )


def cut_clip(
    path: Path,
    index: FootageIndex,
    start_frame: int,
    end_frame: int,
    out_path: Path,
    *,
    max_lead_in_seconds: float = MAX_LEAD_IN_SECONDS,
) -> CutResult:
    """Cut one clip; for many clips of one footage keep a `Cutter`. See Cutter.cut."""
    with Cutter(path, index) as cutter:
        return cutter.cut(start_frame, end_frame, out_path, max_lead_in_seconds=max_lead_in_seconds)


def cut_clips(
    path: Path, index: FootageIndex, ranges: Sequence[tuple[int, int]], out_paths: Sequence[Path]
) -> Iterator[CutResult]:
    """Cut many clips of one footage, in the order of `ranges` (frames start to end, exclusive)."""
    with Cutter(path, index) as cutter:
        for (start_frame, end_frame), out_path in zip(ranges, out_paths, strict=True):
            yield cutter.cut(start_frame, end_frame, out_path)
