"""The real Segmenter and Catalog contracts over toy functions, for the tests of gRPC."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import grpc
from celstream_platform import errors
from celstream_platform.rpc import READERS, WRITERS, Policy, Service, caller
from celstream_protos.v1 import (
    catalog_pb2,
    catalog_pb2_grpc,
    clip_pb2,
    footage_pb2,
    segmenter_pb2,
    segmenter_pb2_grpc,
)

FAILURES = {
    "NotFound": errors.NotFound("footage f1: not stored. Submit it first."),
    "LimitExceeded": errors.LimitExceeded("film.mkv: decoding it needed more than 1 MiB of memory."),
    "Invalid": errors.Invalid("film.mkv: no video stream\n(found: audio)."),
    "Overloaded": errors.Overloaded("the model server pushes back."),
    "Unavailable": errors.Unavailable("the store is away."),
    "Fenced": errors.Fenced("another worker holds the partition."),
    "bug": KeyError("password=hunter2"),
}


@dataclass
class Toy:
    """What the toy functions are told and tell."""

    entered: threading.Event = field(default_factory=threading.Event)
    release: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)


class ToySegmenter(segmenter_pb2_grpc.SegmenterServicer):
    """One shot per chunk of bytes; a name in `detector` makes it fail."""

    def __init__(self, toy: Toy) -> None:
        self._toy = toy

    def DetectShots(self, request_iterator: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        received = 0
        try:
            for number, request in enumerate(request_iterator):
                if request.detector in FAILURES:
                    raise FAILURES[request.detector]
                received += len(request.chunk)
                yield segmenter_pb2.DetectShotsResponse(shot=clip_pb2.Shot(ordinal=number))
                self._toy.entered.set()
            yield segmenter_pb2.DetectShotsResponse(analysis=clip_pb2.FootageAnalysis(frames=received))
        finally:
            self._toy.ended.set()

    def CutClips(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        context.abort(grpc.StatusCode.OUT_OF_RANGE, "frames 5-9 of 4")
        yield segmenter_pb2.CutClipsResponse()


class ToyCatalog(catalog_pb2_grpc.CatalogServicer):
    """`footage_id` makes GetFunnel fail or wait; ListItems tells who calls."""

    def __init__(self, toy: Toy) -> None:
        self._toy = toy

    def SubmitFootage(self, request_iterator: Any, context: grpc.ServicerContext) -> Any:
        parts = list(request_iterator)
        return catalog_pb2.SubmitFootageResponse(footage=footage_pb2.Footage(name=parts[0].description.name))

    def WatchFootage(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        while context.is_active():
            yield catalog_pb2.FootageState(footage_id=request.footage_id)

    def GetFunnel(self, request: Any, context: grpc.ServicerContext) -> Any:
        if request.footage_id in FAILURES:
            raise FAILURES[request.footage_id]
        if request.footage_id == "wait":
            self._toy.entered.set()
            self._toy.release.wait(60)
            self._toy.ended.set()
        if request.footage_id == "deadline":
            return catalog_pb2.Funnel(levels=[catalog_pb2.FunnelLevel(inputs=round(context.time_remaining()))])
        return catalog_pb2.Funnel(levels=[catalog_pb2.FunnelLevel(level="clips", items=3)])

    def ListItems(self, request: Any, context: grpc.ServicerContext) -> Any:
        who = caller()
        return catalog_pb2.ListItemsResponse(next_page_token=f"{who.account} {' '.join(sorted(who.roles))}")


def services(toy: Toy, *, max_seconds: float = 60.0) -> list[Service]:
    """Both, with their policies."""
    read, write = Policy(READERS, 30.0, max_seconds), Policy(WRITERS, 30.0, max_seconds)
    return [
        Service(
            segmenter_pb2.DESCRIPTOR.services_by_name["Segmenter"],
            lambda server: segmenter_pb2_grpc.add_SegmenterServicer_to_server(ToySegmenter(toy), server),
            {"DetectShots": write, "CutClips": write},
        ),
        Service(
            catalog_pb2.DESCRIPTOR.services_by_name["Catalog"],
            lambda server: catalog_pb2_grpc.add_CatalogServicer_to_server(ToyCatalog(toy), server),
            {
                "SubmitFootage": write,
                "WatchFootage": read,
                "GetFunnel": read,
                "ListItems": read,
                "GetAttachment": read,
                "RecordEvaluation": write,
                "TakeDown": write,
            },
        ),
    ]
