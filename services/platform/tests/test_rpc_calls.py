"""gRPC: the table of errors, deadlines, sizes, health, reflection, metrics, traces, an orderly end; real servers."""

import logging
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from celstream_platform import errors, rpc, tracing
from celstream_platform.metrics import REGISTRY
from celstream_platform.rpc import status
from celstream_platform.settings import ServiceSettings, load
from celstream_protos.v1 import catalog_pb2, catalog_pb2_grpc, segmenter_pb2, segmenter_pb2_grpc
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

sys.path.insert(0, str(Path(__file__).parent))
import rpc_toys
from rpc_toys import Toy

SETTINGS = {"events": "sqlite:///e", "artefacts": "file:///a", "grpc_address": "127.0.0.1:0", "grpc_threads": 4}
FUNNEL = "/celstream.v1.Catalog/GetFunnel"


@pytest.fixture
def toy() -> Iterator[Toy]:
    toy = Toy()
    yield toy
    toy.release.set()


@pytest.fixture
def server(toy: Toy) -> Iterator[rpc.Server]:
    server = rpc.serve(rpc_toys.services(toy), load(ServiceSettings, **SETTINGS), checks={})
    yield server
    toy.release.set()
    server.stop(0)


@pytest.fixture
def channel(server: rpc.Server) -> Iterator[grpc.Channel]:
    with rpc.connect(server.address) as channel:
        yield channel


@pytest.fixture
def catalog(channel: grpc.Channel) -> catalog_pb2_grpc.CatalogStub:
    return catalog_pb2_grpc.CatalogStub(channel)


def counted(method: str, code: str) -> float:
    return REGISTRY.get_sample_value("celstream_grpc_requests_total", {"method": method, "code": code}) or 0.0


def test_all_four_kinds_of_calls_are_answered(channel: grpc.Channel, catalog: catalog_pb2_grpc.CatalogStub) -> None:
    assert catalog.GetFunnel(catalog_pb2.GetFunnelRequest()).levels[0].items == 3
    parts = [
        catalog_pb2.SubmitFootageRequest(description=catalog_pb2.FootageDescription(name="film.mkv")),
        catalog_pb2.SubmitFootageRequest(chunk=b"x"),
    ]
    assert catalog.SubmitFootage(iter(parts)).footage.name == "film.mkv"
    states = catalog.WatchFootage(catalog_pb2.WatchFootageRequest(footage_id="f"))
    assert next(states).footage_id == "f"
    states.cancel()
    requests = (segmenter_pb2.DetectShotsRequest(chunk=b"12345") for _ in range(3))
    *shots, last = segmenter_pb2_grpc.SegmenterStub(channel).DetectShots(requests)
    assert [answer.shot.ordinal for answer in shots] == [0, 1, 2]
    assert last.analysis.frames == 15


CODES = {
    "NotFound": grpc.StatusCode.NOT_FOUND,
    "LimitExceeded": grpc.StatusCode.RESOURCE_EXHAUSTED,
    "Invalid": grpc.StatusCode.INVALID_ARGUMENT,
    "Overloaded": grpc.StatusCode.RESOURCE_EXHAUSTED,
    "Unavailable": grpc.StatusCode.UNAVAILABLE,
    "Fenced": grpc.StatusCode.ABORTED,
}


@pytest.mark.parametrize("name", CODES)
def test_an_error_becomes_its_status_and_the_same_error_again(
    name: str, channel: grpc.Channel, catalog: catalog_pb2_grpc.CatalogStub
) -> None:
    before = counted(FUNNEL, CODES[name].name)
    with pytest.raises(grpc.RpcError) as caught:
        catalog.GetFunnel(catalog_pb2.GetFunnelRequest(footage_id=name))
    assert caught.value.code() is CODES[name]
    assert caught.value.details() == str(rpc_toys.FAILURES[name]).replace("\n", " ")
    assert counted(FUNNEL, CODES[name].name) == before + 1
    stub = segmenter_pb2_grpc.SegmenterStub(channel)
    with pytest.raises(errors.CelstreamError) as translated, rpc.errors():
        list(stub.DetectShots(iter([segmenter_pb2.DetectShotsRequest(detector=name)])))
    assert type(translated.value) is type(rpc_toys.FAILURES[name])


def test_every_error_of_the_platform_is_in_the_table() -> None:
    kinds = {
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.CelstreamError)
    }
    assert kinds - {kind for kind, _ in status.TABLE} == {errors.CelstreamError}
    for kind in kinds - {errors.CelstreamError}:
        assert status.of(kind("x"))[1] == kind.__name__


def test_a_bug_tells_the_caller_an_id_and_the_log_the_rest(
    catalog: catalog_pb2_grpc.CatalogStub, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        catalog.GetFunnel(catalog_pb2.GetFunnelRequest(footage_id="bug"))
    assert caught.value.code() is grpc.StatusCode.INTERNAL
    details = caught.value.details() or ""
    assert details.startswith("internal error ")
    assert "hunter2" not in details
    number = details.split()[2].rstrip(".")
    captured = capfd.readouterr()
    logged = captured.out + captured.err + caplog.text
    assert number in logged
    assert "KeyError" in logged
    with pytest.raises(grpc.RpcError), rpc.errors():
        catalog.GetFunnel(catalog_pb2.GetFunnelRequest(footage_id="bug"))


def test_a_method_may_choose_its_status_itself(channel: grpc.Channel) -> None:
    with pytest.raises(errors.Invalid, match="frames 5-9 of 4"), rpc.errors():
        list(segmenter_pb2_grpc.SegmenterStub(channel).CutClips(segmenter_pb2.CutClipsRequest()))
    assert counted("/celstream.v1.Segmenter/CutClips", "OUT_OF_RANGE") >= 1


def test_a_unix_socket_is_an_address_too(toy: Toy, tmp_path: Path) -> None:
    address = f"unix:{tmp_path}/s"
    server = rpc.serve(rpc_toys.services(toy), load(ServiceSettings, **SETTINGS | {"grpc_address": address}), checks={})
    try:
        assert server.address == address
        with rpc.connect(address) as channel:
            assert catalog_pb2_grpc.CatalogStub(channel).GetFunnel(catalog_pb2.GetFunnelRequest()).levels
    finally:
        server.stop(0)


def test_an_unknown_method_is_unimplemented(channel: grpc.Channel) -> None:
    call = channel.unary_unary("/celstream.v1.Catalog/Nothing")
    with pytest.raises(grpc.RpcError) as caught:
        call(b"")
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_a_call_without_deadline_gets_the_default_and_a_long_one_the_maximum(
    toy: Toy, server: rpc.Server, catalog: catalog_pb2_grpc.CatalogStub
) -> None:
    request = catalog_pb2.GetFunnelRequest(footage_id="deadline")
    assert 30 < catalog.GetFunnel(request).levels[0].inputs <= 60, "what the client helper sets"
    assert 0 < catalog.GetFunnel(request, timeout=20).levels[0].inputs <= 20
    with pytest.raises(errors.Unavailable), rpc.errors():
        catalog.GetFunnel(catalog_pb2.GetFunnelRequest(footage_id="wait"), timeout=0.2)
    toy.release.set()
    assert toy.ended.wait(60)


@pytest.mark.parametrize("timeout", [None, 600.0])
def test_a_call_that_says_nothing_is_ended_by_the_server(toy: Toy, timeout: float | None) -> None:
    """A client that opens a stream and sends nothing must not hold a thread for ever."""
    services = rpc_toys.services(toy, max_seconds=0.3)
    server = rpc.serve(services, load(ServiceSettings, **SETTINGS), checks={})
    silence = threading.Event()

    def silent() -> Iterator[segmenter_pb2.DetectShotsRequest]:
        yield segmenter_pb2.DetectShotsRequest(chunk=b"x")
        silence.wait(60)

    method = "/celstream.v1.Segmenter/DetectShots"
    before = counted(method, "DEADLINE_EXCEEDED")
    try:
        with grpc.insecure_channel(server.address) as channel:
            answers = segmenter_pb2_grpc.SegmenterStub(channel).DetectShots(silent(), timeout=timeout)
            with pytest.raises(grpc.RpcError) as caught:  # after the one answer, if that came in time
                list(answers)
            assert caught.value.code() is grpc.StatusCode.CANCELLED
            assert toy.ended.wait(60)
    finally:
        silence.set()
        server.stop(5)
    assert counted(method, "DEADLINE_EXCEEDED") == before + 1


def test_a_client_that_goes_away_ends_the_call(
    toy: Toy, server: rpc.Server, catalog: catalog_pb2_grpc.CatalogStub
) -> None:
    method = "/celstream.v1.Catalog/WatchFootage"
    before = counted(method, "CANCELLED")
    states = catalog.WatchFootage(catalog_pb2.WatchFootageRequest(footage_id="f"))
    next(states)
    states.cancel()
    server.stop(30)
    assert counted(method, "CANCELLED") == before + 1
    assert REGISTRY.get_sample_value("celstream_grpc_in_flight_requests", {"method": method}) == 0


def test_a_message_too_large_is_refused(channel: grpc.Channel) -> None:
    requests = iter([segmenter_pb2.DetectShotsRequest(chunk=bytes(4 * 1024 * 1024 + 1))])
    with pytest.raises(grpc.RpcError) as caught:
        list(segmenter_pb2_grpc.SegmenterStub(channel).DetectShots(requests))
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_reflection_describes_the_services(channel: grpc.Channel) -> None:
    stub = reflection_pb2_grpc.ServerReflectionStub(channel)
    requests = [
        reflection_pb2.ServerReflectionRequest(list_services=""),
        reflection_pb2.ServerReflectionRequest(file_containing_symbol="celstream.v1.Segmenter"),
    ]
    listed, described = stub.ServerReflectionInfo(iter(requests))
    names = {service.name for service in listed.list_services_response.service}
    assert {"celstream.v1.Segmenter", "celstream.v1.Catalog", "grpc.health.v1.Health"} <= names
    file = FileDescriptorProto.FromString(described.file_descriptor_response.file_descriptor_proto[0])
    assert file.service[0].name == "Segmenter"


def test_health_follows_the_dependencies_and_ends_with_the_drain(toy: Toy) -> None:
    answers, asked = threading.Event(), threading.Event()

    def store() -> bool:
        asked.set()
        if not answers.is_set():
            raise errors.Unavailable("the store is away.")
        return True

    server = rpc.serve(rpc_toys.services(toy), load(ServiceSettings, **SETTINGS), checks={"store": store})
    serving, not_serving = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
    try:
        with rpc.connect(server.address) as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            for name in ("", "celstream.v1.Catalog", "celstream.v1.Segmenter"):
                assert stub.Check(health_pb2.HealthCheckRequest(service=name)).status == not_serving
            watched = stub.Watch(health_pb2.HealthCheckRequest(service="celstream.v1.Catalog"))
            assert next(watched).status == not_serving
            assert asked.wait(60)
            answers.set()
            assert next(watched).status == serving
            assert server.health.wait_ready(60)
            server.not_ready()
            assert next(watched).status == not_serving
            assert not server.health.ready()
            # Calls that still come are answered.
            assert catalog_pb2_grpc.CatalogStub(channel).GetFunnel(catalog_pb2.GetFunnelRequest()).levels
    finally:
        server.stop(0)


def test_a_dependency_that_hangs_is_not_ready(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    from celstream_platform.rpc import health

    monkeypatch.setattr(health, "CHECK_SECONDS", 0.05)
    monkeypatch.setattr(health, "INTERVAL_SECONDS", 0.01)
    hanging, asked = threading.Event(), threading.Event()

    def store() -> bool:
        asked.set()
        hanging.wait(60)
        return True

    state = health.Health([], {"store": store, "log": lambda: True})
    state.start()
    assert asked.wait(60)
    assert not state.ready()
    hanging.set()
    assert state.wait_ready(60)
    state.drain()
    assert not state.ready()


def test_a_drain_lets_calls_end_and_takes_no_new_ones(toy: Toy, server: rpc.Server) -> None:
    with rpc.connect(server.address) as channel:
        catalog = catalog_pb2_grpc.CatalogStub(channel)
        running = catalog.GetFunnel.future(catalog_pb2.GetFunnelRequest(footage_id="wait"))
        assert toy.entered.wait(60)
        stopping = threading.Thread(target=server.stop, args=(60,))
        stopping.start()
        toy.release.set()
        assert running.result(timeout=60).levels[0].items == 3
        stopping.join()
        with pytest.raises(errors.Unavailable), rpc.errors():
            catalog.GetFunnel(catalog_pb2.GetFunnelRequest(), timeout=60)


def test_one_trace_joins_client_and_server(catalog: catalog_pb2_grpc.CatalogStub, server: rpc.Server) -> None:
    with tracing.recording() as memory:
        with tracing.span("submit"):
            catalog.GetFunnel(catalog_pb2.GetFunnelRequest())
            with pytest.raises(grpc.RpcError):
                catalog.GetFunnel(catalog_pb2.GetFunnelRequest(footage_id="bug"))
        server.stop(30)
    spans = memory.get_finished_spans()
    served = [span for span in spans if span.kind.name == "SERVER"]
    assert len(served) == 2
    assert len({span.context.trace_id for span in spans}) == 1
    called = {span.context.span_id for span in spans if span.kind.name == "CLIENT"}
    assert all(span.parent is not None and span.parent.span_id in called for span in served)
    assert [span.status.is_ok for span in served] == [True, False]


def test_a_port_that_is_taken_and_a_method_without_policy_are_said(toy: Toy, server: rpc.Server) -> None:
    services = rpc_toys.services(toy)
    logging.getLogger("grpc").setLevel(logging.CRITICAL)
    with pytest.raises(errors.Unavailable, match=f"{server.address}: cannot listen there"):
        rpc.serve(services, load(ServiceSettings, **SETTINGS | {"grpc_address": server.address}), checks={})
    incomplete = rpc.Service(services[0].descriptor, services[0].add, {"CutClips": services[0].policies["CutClips"]})
    with pytest.raises(ValueError, match=r"celstream\.v1\.Segmenter: policies of"):
        rpc.serve([incomplete], load(ServiceSettings, **SETTINGS), checks={})
