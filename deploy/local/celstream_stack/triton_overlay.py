"""The CPU overlay of a model repository: the same models, under the same names, run by Triton's python backend.

Triton's wheel brings no onnxruntime backend. So each model gets a configuration with the same inputs, outputs and
batching, and a `model.py` that runs the ONNX file where it lies; no file of the repository is copied or changed.
"""

import hashlib
import shutil
from importlib import resources
from pathlib import Path

from google.protobuf import text_format
from tritonclient.grpc.model_config_pb2 import ModelConfig, ModelInstanceGroup, ModelQueuePolicy

from celstream_stack.errors import StackError

QUEUE_REQUESTS = 256  # more wait nowhere but with who asks: the server says so at once
QUEUE_MICROSECONDS = 60_000_000  # Triton lets a client ask for less only where there is a limit at all
PRIORITIES = 2  # 1: a person waits for the answer; 2, where nothing is said: a stage works through a film


def write_overlay(repository: Path, overlay: Path) -> list[str]:
    """Write the overlay of a repository anew; the names of its models. Raises StackError for what is no model."""
    shutil.rmtree(overlay, ignore_errors=True)
    overlay.mkdir(parents=True)
    names = sorted(path.parent.name for path in repository.glob("*/config.pbtxt"))
    for name in names:
        _write_model((repository / name).absolute(), overlay / name)
    return names


def _write_model(source: Path, target: Path) -> None:
    versions = sorted(int(path.parent.name) for path in source.glob("*/model.onnx") if path.parent.name.isdigit())
    if not versions:
        raise StackError(f"{source}: no <version>/model.onnx. Install the model, or remove the folder.")
    digests = {
        version: hashlib.sha256((source / str(version) / "model.onnx").read_bytes()).hexdigest() for version in versions
    }
    config = on_cpu(_read(source / "config.pbtxt"), source, digests)
    program = resources.files("celstream_stack").joinpath("triton_model.py").read_bytes()
    for version in versions:
        (target / str(version)).mkdir(parents=True)
        (target / str(version) / "model.py").write_bytes(program)
    (target / "config.pbtxt").write_text(text_format.MessageToString(config))


def on_cpu(config: ModelConfig, source: Path, digests: dict[int, str]) -> ModelConfig:
    """The configuration of the same model on the python backend. digests: SHA-256 of the file of each version."""
    changed = ModelConfig(name=source.name, backend="python", max_batch_size=config.max_batch_size)
    changed.input.extend(config.input)
    changed.output.extend(config.output)
    changed.version_policy.all.SetInParent()  # the latest alone is the default: then no version can be pinned
    changed.instance_group.add(count=1, kind=ModelInstanceGroup.KIND_CPU)
    changed.parameters["celstream_onnx"].string_value = str(source)
    for version, digest in digests.items():
        changed.parameters[f"celstream_sha256_{version}"].string_value = digest
    if config.max_batch_size:
        batching = changed.dynamic_batching
        batching.max_queue_delay_microseconds = 0  # waiting for company slows a single client 2.5-fold on a CPU
        batching.priority_levels = batching.default_priority_level = PRIORITIES
        batching.default_queue_policy.CopyFrom(
            ModelQueuePolicy(
                timeout_action=ModelQueuePolicy.REJECT,
                default_timeout_microseconds=QUEUE_MICROSECONDS,
                allow_timeout_override=True,
                max_queue_size=QUEUE_REQUESTS,
            )
        )
    return changed


def _read(path: Path) -> ModelConfig:
    config = ModelConfig()
    try:
        text_format.Parse(path.read_text(), config)
    except text_format.ParseError as error:
        raise StackError(f"{path}: not a model configuration ({error}). Correct it.") from error
    return config
