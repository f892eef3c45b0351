"""The catalog's gRPC methods, over the same functions that `celstream run` calls."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
from celstream_platform.errors import Invalid, LimitExceeded
from celstream_platform.rpc import ADMINS, READERS, WRITERS, Policy, Service, caller
from celstream_protos.v1 import catalog_pb2, catalog_pb2_grpc
from google.protobuf.any_pb2 import Any

from celstream_catalog.catalog import Catalog
from celstream_catalog.intake import Description

DEFAULT_PAGE = 100
DAY_SECONDS = 24 * 3600.0


class CatalogServicer(catalog_pb2_grpc.CatalogServicer):
    """Intake of footage, and what became of it; see the contract."""

    def __init__(
        self, catalog: Catalog, *, upload_bytes: int, scratch: Path | None, stopping: Callable[[], bool]
    ) -> None:
        """upload_bytes: largest footage taken as a stream. scratch: where it lies meanwhile; the system's where None.

        stopping: whether the process shall end, so that watching ends too.
        """
        self._catalog, self._stopping = catalog, stopping
        self._upload_bytes, self._scratch = upload_bytes, scratch

    def SubmitFootage(  # noqa: N802 - the contract's name
        self, request_iterator: Iterator[catalog_pb2.SubmitFootageRequest], context: grpc.ServicerContext
    ) -> catalog_pb2.SubmitFootageResponse:
        first = next(request_iterator, None)
        if first is None or first.WhichOneof("part") != "description" or not first.description.name:
            raise Invalid("SubmitFootage: no description with a name. Send it first, then the file's bytes.")
        given = first.description
        description = Description(given.rights if given.HasField("rights") else None, given.style, given.work)
        if given.HasField("content"):
            taken = self._catalog.submit_stored(given.content, name=given.name, description=description)
        else:
            with tempfile.TemporaryDirectory(prefix="celstream-upload-", dir=self._scratch) as folder:
                path = Path(folder) / "footage"
                self._receive(request_iterator, path)
                taken = self._catalog.submit(path, name=given.name, description=description, adopt=False)
        return catalog_pb2.SubmitFootageResponse(footage=taken.footage, already_known=taken.already_known)

    def WatchFootage(  # noqa: N802 - the contract's name
        self, request: catalog_pb2.WatchFootageRequest, context: grpc.ServicerContext
    ) -> Iterator[catalog_pb2.FootageState]:
        yield from self._catalog.watch(request.footage_id, stopping=lambda: self._stopping() or not context.is_active())

    def GetFunnel(  # noqa: N802 - the contract's name
        self, request: catalog_pb2.GetFunnelRequest, context: grpc.ServicerContext
    ) -> catalog_pb2.Funnel:
        return self._catalog.funnel(request.footage_id or None, canaries=request.include_canaries)

    def ListItems(  # noqa: N802 - the contract's name
        self, request: catalog_pb2.ListItemsRequest, context: grpc.ServicerContext
    ) -> catalog_pb2.ListItemsResponse:
        items, token = self._catalog.page(
            request.level,
            request.footage_id or None,
            request.page_size or DEFAULT_PAGE,
            request.page_token,
            canaries=request.include_canaries,
        )
        response = catalog_pb2.ListItemsResponse(next_page_token=token)
        for item in items:
            packed = Any()
            packed.Pack(item)
            response.items.append(packed)
        return response

    def GetAttachment(  # noqa: N802 - the contract's name
        self, request: catalog_pb2.GetAttachmentRequest, context: grpc.ServicerContext
    ) -> Iterator[catalog_pb2.GetAttachmentResponse]:
        for part in self._catalog.attached_bytes(request.footage_id, request.name):
            yield catalog_pb2.GetAttachmentResponse(chunk=part)

    def RecordEvaluation(  # noqa: N802 - the contract's name
        self, request: catalog_pb2.RecordEvaluationRequest, context: grpc.ServicerContext
    ) -> catalog_pb2.RecordEvaluationResponse:
        self._catalog.record_evaluation(request.evaluation)
        return catalog_pb2.RecordEvaluationResponse()

    def TakeDown(  # noqa: N802 - the contract's name
        self, request: catalog_pb2.TakeDownRequest, context: grpc.ServicerContext
    ) -> catalog_pb2.TakeDownResponse:
        found = self._catalog.removal(request.what)
        who = caller().account
        if not request.dry_run:
            taken = self._catalog.take_down(found.takedown.item_id, reason=request.reason, requested_by=who)
            found.takedown.CopyFrom(taken)
        elif not found.already_taken_down:
            found.takedown.reason, found.takedown.requested_by = request.reason, who
        return found

    def _receive(self, requests: Iterator[catalog_pb2.SubmitFootageRequest], path: Path) -> None:
        taken = 0
        with path.open("wb") as file:
            for request in requests:
                if request.WhichOneof("part") != "chunk":
                    raise Invalid("SubmitFootage: a second description. Send one, then bytes only.")
                taken += len(request.chunk)
                if taken > self._upload_bytes:
                    raise LimitExceeded(
                        f"SubmitFootage: more than {self._upload_bytes} bytes. Store the footage and send a reference."
                    )
                file.write(request.chunk)


def catalog_service(servicer: CatalogServicer) -> Service:
    """The service, with who may call what, and for how long."""
    return Service(
        descriptor=catalog_pb2.DESCRIPTOR.services_by_name["Catalog"],
        add=lambda server: catalog_pb2_grpc.add_CatalogServicer_to_server(servicer, server),
        policies={
            "SubmitFootage": Policy(WRITERS, default_seconds=3600.0, max_seconds=DAY_SECONDS),
            "WatchFootage": Policy(READERS, default_seconds=DAY_SECONDS, max_seconds=DAY_SECONDS),
            "GetFunnel": Policy(READERS),
            "ListItems": Policy(READERS),
            "GetAttachment": Policy(READERS),
            "RecordEvaluation": Policy(WRITERS),
            "TakeDown": Policy(ADMINS),
        },
    )
