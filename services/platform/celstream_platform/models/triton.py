"""The model server on Triton: requests by gRPC, as futures, with large inputs through shared memory on one host.

Order of each request: the circuit admits it → it enters the window → its inputs go to shared memory, or into the
message → it is sent with a deadline → the answer leaves the window, tells the circuit, and settles the future.
Triton answers out of order, and puts requests of several clients together; nothing here waits for the one before.
"""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from celstream_platform import addresses, logs
from celstream_platform.errors import CelstreamError, Invalid, NotFound, Overloaded, Unavailable
from celstream_platform.models import triton_errors
from celstream_platform.models.circuit import Circuit
from celstream_platform.models.config import ModelConfig, config_of
from celstream_platform.models.in_flight import InFlight
from celstream_platform.models.meters import meters
from celstream_platform.models.port import Arrays
from celstream_platform.models.triton_memory import SMALLEST_BYTES, Region, Regions

log = logs.logger(__name__)
CHANNEL = (
    ("grpc.initial_reconnect_backoff_ms", 100),  # the default comes back 28 s after a server was killed
    ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
)
ASK_SECONDS = 10.0  # for what is no inference


@dataclass(frozen=True, slots=True, kw_only=True)
class TritonOptions:
    """How a client behaves.

    window: requests in flight before `infer` blocks. timeout_seconds: longest wait for an answer, in the queue and in
    all. priority: 1 is served first, 0 takes the model's own. shared_memory: whether large inputs go through it; None:
    where the server is on this host.
    """

    window: int = 16
    timeout_seconds: float = 30.0
    priority: int = 0
    shared_memory: bool | None = None


@dataclass(slots=True)
class _Request:
    """One request on its way. region: where its inputs lie, None where they are in the message."""

    model: str
    version: int
    config: ModelConfig
    inputs: Arrays
    answer: Future[Arrays]
    began: float
    entered: int
    region: Region | None = None


class TritonServer:
    """A client of a Triton server at `host:port` (gRPC). Raises Invalid where tritonclient is not installed."""

    def __init__(self, address: str, options: TritonOptions | None = None, circuit: Circuit | None = None) -> None:
        try:
            import tritonclient.grpc
            import tritonclient.utils
        except ImportError as error:
            raise Invalid(
                "tritonclient: not installed, expected for triton: model servers. Install celstream-platform[triton]."
            ) from error
        self._triton: Any = tritonclient.grpc
        self._dtype_name: Any = tritonclient.utils.np_to_triton_dtype
        self._failure: type[Exception] = tritonclient.utils.InferenceServerException
        self._address, self._options = address, options or TritonOptions()
        self._client: Any = self._triton.InferenceServerClient(address, channel_args=list(CHANNEL))
        self._circuit, self._window = circuit or Circuit(), InFlight(self._options.window)
        shared = self._options.shared_memory
        shared = addresses.is_loopback(address) if shared is None else shared
        self._regions = Regions(self._register, self._unregister) if shared else None
        self._models: dict[tuple[str, int], tuple[ModelConfig, str]] = {}
        self._asking = threading.Lock()
        self._closed = False

    def infer(self, model: str, version: int, inputs: Arrays) -> Future[Arrays]:
        """See the port."""
        answer: Future[Arrays] = Future()
        answer.set_running_or_notify_cancel()  # what is sent cannot be taken back
        try:
            self._admit(model)
            try:
                config, _ = self._described(model, version)
                config.check(inputs)
                entered = self._window.enter()
            except BaseException as error:
                self._report(error, answered=False)
                raise
        except CelstreamError as error:
            meters(model).failed(error)
            answer.set_exception(error)
            return answer
        meters(model).in_flight.inc()
        request = _Request(model, version, config, inputs, answer, time.monotonic(), entered)
        try:
            self._send(request, self._regions)
        except Exception as error:  # settled where all answers are: the window must not lose a place
            self._done(request, None, error)
        return answer

    def ready(self, model: str, version: int) -> bool:
        """See the port: runs an inference of zeros; Triton itself says ready also of a model whose process has died."""
        try:
            config, _ = self._described(model, version)
            zeros = {tensor.name: np.zeros([max(1, n) for n in tensor.shape], tensor.dtype) for tensor in config.inputs}
            self.infer(model, version, zeros).result()
        except CelstreamError:
            return False
        return True

    def digest(self, model: str, version: int) -> str:
        """See the port. The server's configuration states it, and its `model.py` holds the file against it."""
        _, digest = self._described(model, version)
        if not digest:
            raise NotFound(f"{model} version {version}: {self._address} states no digest. Generate its configuration.")
        return digest

    def served(self) -> list[tuple[str, int]]:
        """See the port."""
        try:
            found = self._client.get_model_repository_index(client_timeout=ASK_SECONDS)
        except self._failure as error:
            raise Unavailable(f"{self._address}: does not say what it serves ({error}). Is it a Triton?") from error
        return sorted((one.name, int(one.version)) for one in found.models if one.state == "READY")

    def close(self) -> None:
        """See the port."""
        self._closed = True
        self._window.wait_until_empty()
        if self._regions is not None:
            self._regions.close()
        self._client.close()

    def _admit(self, model: str) -> None:
        if self._closed:
            raise Unavailable(f"{model}: the model server is closed.")
        if not self._circuit.admits():
            raise Unavailable(f"{model}: {self._address} is away; it is asked again in a while.")

    def _report(self, error: BaseException | None, *, answered: bool) -> None:
        """Tell the circuit how the request ended: only silence is a failure, a refusal is an answer."""
        if answered:
            self._circuit.succeeded()
        elif isinstance(error, Unavailable):
            self._circuit.failed()
        else:
            self._circuit.withdrawn()

    def _described(self, model: str, version: int) -> tuple[ModelConfig, str]:
        """Configuration and digest of a model, asked for once. Raises NotFound, Invalid, Unavailable."""
        with self._asking:
            if (model, version) not in self._models:
                try:
                    found = self._client.get_model_config(model, str(version), client_timeout=ASK_SECONDS).config
                except self._failure as error:
                    meant = triton_errors.meaning(error, model, version, self._address, ASK_SECONDS)
                    if meant is error:
                        raise
                    raise meant from error
                digest = found.parameters[f"celstream_sha256_{version}"].string_value
                self._models[model, version] = config_of(found, model, self._address), digest
            return self._models[model, version]

    def _send(self, request: _Request, regions: Regions | None) -> None:
        arrays = [np.ascontiguousarray(request.inputs[tensor.name]) for tensor in request.config.inputs]
        given = [
            self._triton.InferInput(tensor.name, list(array.shape), self._dtype_name(array.dtype))
            for tensor, array in zip(request.config.inputs, arrays, strict=True)
        ]
        if not self._share(request, regions, given, arrays):
            for one, array in zip(given, arrays, strict=True):
                one.set_data_from_numpy(array)
        seconds = self._options.timeout_seconds
        self._client.async_infer(
            request.model,
            given,
            lambda result, error: self._done(request, result, error),
            model_version=str(request.version),  # with all its outputs, as none is named
            priority=self._options.priority,
            timeout=int(seconds * 1e6),  # of the wait in the server's queue
            client_timeout=seconds,
        )

    def _share(
        self, request: _Request, regions: Regions | None, given: Sequence[Any], arrays: list[NDArray[np.generic]]
    ) -> bool:
        """Put the inputs into shared memory; whether they are there."""
        if regions is None or sum(array.nbytes for array in arrays) < SMALLEST_BYTES:
            return False
        try:
            request.region, offsets = regions.take(arrays)
        except self._failure as error:
            if triton_errors.is_silence(error):
                raise
            log.warning("no shared memory with the model server; inputs go as messages", error=str(error))
            self._regions = None  # another machine behind a loopback address, or a container: it sees no memory of ours
            return False
        for one, array, offset in zip(given, arrays, offsets, strict=True):
            one.set_shared_memory(request.region.name, array.nbytes, offset)
        return True

    def _done(self, request: _Request, result: Any, error: Exception | None) -> None:
        """The answer is there, or will not come. Called from a thread of gRPC's."""
        region, request.region = request.region, None
        if error is not None and region is not None and triton_errors.lost_memory(error) and self._regions:
            self._regions.forgotten()
            self._regions.give_back(region)
            try:
                self._send(request, None)  # registering would block this thread: once without
            except Exception as failed:
                self._settle(request, failed)
            return
        if region is not None and self._regions is not None:
            silent = error is not None and triton_errors.code_of(error) in ("DEADLINE_EXCEEDED", "CANCELLED")
            (self._regions.put_aside if silent else self._regions.give_back)(region)
        self._settle(request, error if error is not None else self._outputs(request, result))

    def _outputs(self, request: _Request, result: Any) -> Arrays | Exception:
        try:
            return {tensor.name: np.array(result.as_numpy(tensor.name)) for tensor in request.config.outputs}
        except Exception as error:  # a bug, here or there: the future must not wait for ever
            return error

    def _settle(self, request: _Request, answer: Arrays | Exception) -> None:
        error: Exception | None = None
        answered = True
        if isinstance(answer, Exception):
            seconds = self._options.timeout_seconds
            error = triton_errors.meaning(answer, request.model, request.version, self._address, seconds)
            answered = isinstance(error, CelstreamError) and not (
                isinstance(error, Unavailable) and triton_errors.is_silence(answer)
            )
            if isinstance(error, Unavailable | NotFound):
                self._models.pop((request.model, request.version), None)  # another one may be there when it is back
                if self._regions is not None and triton_errors.code_of(answer) == "UNAVAILABLE":
                    self._regions.forgotten()
        self._report(error, answered=answered)
        counting = meters(request.model)
        counting.in_flight.dec()
        if error is None:
            counting.answered.inc()
        else:
            counting.failed(error)
        counting.seconds.observe(time.monotonic() - request.began)
        self._window.leave(request.entered, pushed_back=isinstance(error, Overloaded))
        if error is not None:
            request.answer.set_exception(error)
        else:
            request.answer.set_result(answer)  # type: ignore[arg-type]

    def _register(self, name: str, key: str, size: int) -> None:
        try:
            self._client.register_system_shared_memory(name, key, size, client_timeout=ASK_SECONDS)
        except self._failure as error:
            if "already" not in str(error):  # it was only the connection that was lost
                raise

    def _unregister(self, name: str) -> None:
        try:
            self._client.unregister_system_shared_memory(name, client_timeout=ASK_SECONDS)
        except self._failure as error:
            log.warning("shared memory stays registered with the model server", region=name, error=str(error))
