"""A model on Triton's python backend: runs the ONNX file that the model's configuration names, on the CPU.

Triton loads a copy of this file in a process of its own, where nothing of Celstream is installed. The configuration
names the file's folder, from the model's own on, and its SHA-256, so that what runs is what the recipes say.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import triton_python_backend_utils as backend


class TritonPythonModel:
    """What Triton calls."""

    def initialize(self, args: dict[str, str]) -> None:
        """Load the file. Raises TritonModelException where it is not the one that the configuration names."""
        config = json.loads(args["model_config"])
        version = args["model_version"]
        stated = {key: value["string_value"] for key, value in config["parameters"].items()}
        path = Path(args["model_repository"], stated["celstream_onnx"], version, "model.onnx")
        content = path.read_bytes()
        found = hashlib.sha256(content).hexdigest()
        if found != stated[f"celstream_sha256_{version}"]:
            raise backend.TritonModelException(f"{path}: not the file that the configuration names. Load it anew.")
        onnxruntime.disable_telemetry_events()  # it would keep a database of its own
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        self._inputs = [tensor["name"] for tensor in config["input"]]
        self._outputs = [tensor["name"] for tensor in config["output"]]
        self._batches = config["max_batch_size"] > 0

    def execute(self, requests: list[Any]) -> list[Any]:
        """Run requests that Triton has put together: in one go where the model takes batches."""
        given = [
            {name: backend.get_input_tensor_by_name(request, name).as_numpy() for name in self._inputs}
            for request in requests
        ]
        if not self._batches or len(given) == 1:
            return [self._answer(self._session.run(self._outputs, one)) for one in given]
        together = {name: np.concatenate([one[name] for one in given]) for name in self._inputs}
        ends = np.cumsum([len(one[self._inputs[0]]) for one in given])[:-1]
        outputs = [np.split(output, ends) for output in self._session.run(self._outputs, together)]
        return [self._answer(list(parts)) for parts in zip(*outputs, strict=True)]

    def _answer(self, outputs: list[Any]) -> Any:
        tensors = [backend.Tensor(name, output) for name, output in zip(self._outputs, outputs, strict=True)]
        return backend.InferenceResponse(output_tensors=tensors)
