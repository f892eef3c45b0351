"""The CPU overlay of a model repository: the same models, under the same names, run by Triton's python backend.

Triton's wheel brings no onnxruntime backend. So each model gets a configuration with the same inputs, outputs and
batching, and a `model.py` that runs the ONNX file where it lies; no file of the repository is copied or changed.
`triton_cpu.py` puts the files beside them, for a server that does not see the repository.
"""

import shutil
from importlib import resources
from pathlib import Path

from google.protobuf import text_format
from tritonclient.grpc.model_config_pb2 import ModelConfig, ModelInstanceGroup

from celstream_stack import triton_config

QUEUE_DELAY_MICROSECONDS = 0  # waiting for company slows a single client 2.5-fold on a CPU


def write_overlay(repository: Path, overlay: Path) -> list[str]:
    """Write the overlay of a repository anew; the names of its models. Raises StackError for what is no model."""
    shutil.rmtree(overlay, ignore_errors=True)
    overlay.mkdir(parents=True)
    sources = triton_config.models(repository)
    for source in sources:
        write_model(source, overlay / source.name, where=str(source))
    return [source.name for source in sources]


def write_model(source: Path, target: Path, *, where: str) -> list[int]:
    """Write one model without its files; its versions. where: folder of `<version>/model.onnx`, as target sees it."""
    digests = triton_config.digests(source)
    config = on_cpu(triton_config.read(source), source.name, digests, where)
    program = resources.files("celstream_stack").joinpath("triton_model.py").read_bytes()
    for version in digests:
        (target / str(version)).mkdir(parents=True)
        (target / str(version) / "model.py").write_bytes(program)
    (target / "config.pbtxt").write_text(text_format.MessageToString(config))
    return list(digests)


def on_cpu(config: ModelConfig, name: str, digests: dict[int, str], where: str) -> ModelConfig:
    """The configuration of the same model on the python backend.

    digests: SHA-256 of the file of each version. where: folder of the versions, absolute or seen from the model's.
    """
    changed = triton_config.served(config, name, digests, QUEUE_DELAY_MICROSECONDS)
    changed.backend = "python"
    changed.instance_group.add(count=1, kind=ModelInstanceGroup.KIND_CPU)
    changed.parameters["celstream_onnx"].string_value = where
    return changed
