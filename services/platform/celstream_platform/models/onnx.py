"""The model server inside the process: onnxruntime over a model repository in Triton's layout.

`<repository>/<model>/config.pbtxt` says what the model takes and gives, `<repository>/<model>/<version>/model.onnx` is
the model. A model is loaded at its first request. The window bounds how much input waits in memory.
"""

import hashlib
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from celstream_platform.errors import Invalid, NotFound, Unavailable
from celstream_platform.models.config import ModelConfig, read_config
from celstream_platform.models.meters import meters
from celstream_platform.models.port import Arrays

THREADS = 1  # threads a request; parallel requests use the cores better than parallel kernels do
REQUESTS = 2  # at the same time
WINDOW = 8  # requests in flight, those at work included


class OnnxServer:
    """Runs models in this process.

    requests: how many at the same time. threads: of each. window: requests in flight before `infer` blocks.
    Raises Invalid where onnxruntime is not installed, NotFound where there is no such folder.
    """

    def __init__(
        self, repository: Path, *, requests: int = REQUESTS, threads: int = THREADS, window: int = WINDOW
    ) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise Invalid(
                "onnxruntime: not installed, expected for onnx: model servers. Install celstream-platform[onnx]."
            ) from error
        if not repository.is_dir():
            raise NotFound(f"{repository}: no such folder, expected a model repository.")
        onnxruntime.disable_telemetry_events()  # it would keep a database of its own under the user's cache
        self._runtime: Any = onnxruntime
        self._repository = repository
        self._threads = threads
        self._window = threading.BoundedSemaphore(window)
        self._pool = ThreadPoolExecutor(requests, thread_name_prefix="onnx")
        self._loaded: dict[tuple[str, int], tuple[ModelConfig, Any]] = {}
        self._digests: dict[tuple[str, int], str] = {}
        self._loading = threading.Lock()

    def infer(self, model: str, version: int, inputs: Arrays) -> Future[Arrays]:
        """See the port."""
        self._window.acquire()
        counting = meters(model)
        counting.in_flight.inc()

        def done(future: Future[Arrays]) -> None:
            self._window.release()
            counting.in_flight.dec()
            error = None if future.cancelled() else future.exception()
            if error:
                counting.failed(error)
            else:
                counting.answered.inc()

        try:
            future = self._pool.submit(self._run, model, version, inputs)
        except RuntimeError as error:
            self._window.release()
            counting.in_flight.dec()
            raise Unavailable(f"{model}: the model server is closed.") from error
        future.add_done_callback(done)
        return future

    def ready(self, model: str, version: int) -> bool:
        """See the port: runs an inference of zeros, one sample, every free dimension of size 1."""
        try:
            config, _ = self._load(model, version)
            zeros = {tensor.name: np.zeros([max(1, n) for n in tensor.shape], tensor.dtype) for tensor in config.inputs}
            self.infer(model, version, zeros).result()
        except (Invalid, Unavailable):
            return False
        return True

    def digest(self, model: str, version: int) -> str:
        """See the port."""
        key = (model, version)
        if key not in self._digests:
            with self._file(model, version).open("rb") as stream:
                self._digests[key] = hashlib.file_digest(stream, "sha256").hexdigest()
        return self._digests[key]

    def served(self) -> list[tuple[str, int]]:
        """See the port."""
        files = [path for path in self._repository.glob("*/*/model.onnx") if path.parent.name.isdigit()]
        return sorted((path.parents[1].name, int(path.parent.name)) for path in files)

    def close(self) -> None:
        """See the port."""
        self._pool.shutdown(wait=True)

    def _run(self, model: str, version: int, inputs: Arrays) -> Arrays:
        config, session = self._load(model, version)
        config.check(inputs)
        names = [tensor.name for tensor in config.outputs]
        with meters(model).seconds.time():
            try:
                outputs = session.run(names, dict(inputs))
            except self._runtime.capi.onnxruntime_pybind11_state.InvalidArgument as error:
                raise Invalid(f"{model}: inputs do not fit the model: {error}") from error
        return dict(zip(names, outputs, strict=True))

    def _load(self, model: str, version: int) -> tuple[ModelConfig, Any]:
        with self._loading:
            key = (model, version)
            if key not in self._loaded:
                config = read_config(self._repository, model)
                session = self._session(self._file(model, version))
                self._compare(config, session)
                self._loaded[key] = (config, session)
            return self._loaded[key]

    def _session(self, path: Path) -> Any:
        options = self._runtime.SessionOptions()
        options.intra_op_num_threads = self._threads
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # idle threads leave the cores alone
        try:
            return self._runtime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime has one exception class for each status, and no common base
            raise Invalid(f"{path}: not a model that can be run: {error}") from error

    def _compare(self, config: ModelConfig, session: Any) -> None:
        """The configuration describes the model that is there. Raises Invalid."""
        for kind, described, real in (
            ("inputs", config.inputs, session.get_inputs()),
            ("outputs", config.outputs, session.get_outputs()),
        ):
            names, expected = {tensor.name for tensor in described}, {tensor.name for tensor in real}
            if not names <= expected or (kind == "inputs" and names != expected):
                raise Invalid(
                    f"{config.name}: config.pbtxt names {kind} {sorted(names)}, the model has {sorted(expected)}."
                )

    def _file(self, model: str, version: int) -> Path:
        path = self._repository / model / str(version) / "model.onnx"
        if not path.is_file():
            raise NotFound(f"{model} version {version}: no such model in {self._repository}. Install it.")
        return path
