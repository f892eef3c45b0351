"""The segmenter's gRPC methods, over the same functions as its stage."""

import tempfile
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import grpc
import msgspec
from celstream_platform.artefacts.port import ArtefactStore
from celstream_platform.errors import Invalid, LimitExceeded
from celstream_platform.footage.asking import Answering
from celstream_platform.footage.limits import Limits
from celstream_platform.footage.probe import fill, probe
from celstream_platform.rpc import WRITERS, Policy, Service
from celstream_protos.v1 import envelope_pb2, footage_pb2, segmenter_pb2, segmenter_pb2_grpc

from celstream_segmenter.clip_events import clip_event, shot_message
from celstream_segmenter.found import ChapterRead, ShotFound
from celstream_segmenter.limited_segmentation import cut_limited, detect_limited
from celstream_segmenter.recipe import recipe_of
from celstream_segmenter.rules import SegmentationRules
from celstream_segmenter.work_so_far import WorkSoFar

CALL_NAME = "footage"  # what a file without a name is called in complaints


class SegmenterServicer(segmenter_pb2_grpc.SegmenterServicer):
    """DetectShots and CutClips."""

    def __init__(
        self,
        store: ArtefactStore,
        rules: SegmentationRules,
        limits: Limits,
        upload_bytes: int,
        answering: Answering | None = None,
    ) -> None:
        """upload_bytes: largest file taken as a stream. answering: who has the rules' second opinion."""
        self._store = store
        self._rules = rules
        self._limits = limits
        self._upload_bytes = upload_bytes
        self._answering = answering

    def DetectShots(  # noqa: N802 - the contract's name
        self, request_iterator: Iterator[segmenter_pb2.DetectShotsRequest], context: grpc.ServicerContext
    ) -> Iterator[segmenter_pb2.DetectShotsResponse]:
        first = next(request_iterator, None)
        if first is None:
            raise Invalid("DetectShots: no message. Send a reference or the file's bytes.")
        rules = self._rules
        if first.detector:
            try:
                rules = msgspec.convert({**msgspec.to_builtins(rules), "detector": first.detector}, SegmentationRules)
            except msgspec.ValidationError as error:
                raise Invalid(f"detector {first.detector!r}: expected celstream, content or adaptive.") from error
        if first.WhichOneof("footage") == "reference":
            with self._store.local(first.reference) as path:
                yield from self._detect(path, rules)
        else:
            with tempfile.TemporaryDirectory(prefix="celstream-upload-") as folder:
                path = Path(folder) / CALL_NAME
                self._receive(first, request_iterator, path)
                yield from self._detect(path, rules)

    def _receive(
        self,
        first: segmenter_pb2.DetectShotsRequest,
        rest: Iterator[segmenter_pb2.DetectShotsRequest],
        path: Path,
    ) -> None:
        taken = 0
        with path.open("wb") as file:
            for request in chain([first], rest):
                taken += len(request.chunk)
                if taken > self._upload_bytes:
                    raise LimitExceeded(
                        f"DetectShots: more than {self._upload_bytes} bytes. Store the footage and send a reference."
                    )
                file.write(request.chunk)

    def _detect(self, path: Path, rules: SegmentationRules) -> Iterator[segmenter_pb2.DetectShotsResponse]:
        work = WorkSoFar("")
        for found in detect_limited(path, CALL_NAME, rules, self._limits, answering=self._answering):
            if isinstance(found, ShotFound):
                yield segmenter_pb2.DetectShotsResponse(shot=shot_message(found))
            elif isinstance(found, ChapterRead):
                work.end_chapter(found)
        yield segmenter_pb2.DetectShotsResponse(analysis=work.analysis)

    def CutClips(  # noqa: N802 - the contract's name
        self, request: segmenter_pb2.CutClipsRequest, context: grpc.ServicerContext
    ) -> Iterator[segmenter_pb2.CutClipsResponse]:
        ranges = [(wanted.start_frame, wanted.end_frame) for wanted in request.ranges]
        with (
            self._store.local(request.footage) as path,
            tempfile.TemporaryDirectory(prefix="celstream-segmenter-") as folder,
        ):
            footage = _described(path, request.footage)
            for made in cut_limited(path, CALL_NAME, self._rules, ranges, Path(folder), self._limits):
                clip = clip_event(made, footage, detector="request", recipe=recipe_of(self._rules), store=self._store)
                yield segmenter_pb2.CutClipsResponse(clip=clip)


def _described(path: Path, content: envelope_pb2.ArtefactRef) -> footage_pb2.Footage:
    """Footage that no catalog has taken in: its id and version are its hash."""
    header = envelope_pb2.ItemHeader(
        id=content.sha256, version=content.sha256, level="footage", footage_id=content.sha256
    )
    footage = footage_pb2.Footage(item=header, name=CALL_NAME, content=content)
    fill(footage, probe(path, name=CALL_NAME))
    return footage


def segmenter_service(servicer: SegmenterServicer) -> Service:
    """The service with its policies: a film may take hours to decode."""
    return Service(
        segmenter_pb2.DESCRIPTOR.services_by_name["Segmenter"],
        lambda server: segmenter_pb2_grpc.add_SegmenterServicer_to_server(servicer, server),
        {
            "DetectShots": Policy(WRITERS, default_seconds=3600.0, max_seconds=6 * 3600.0),
            "CutClips": Policy(WRITERS, default_seconds=3600.0, max_seconds=6 * 3600.0),
        },
    )
