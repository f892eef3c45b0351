"""A model's configuration for Triton, from one source: the `config.pbtxt` of the model repository.

What a client sees is the same on every kind of machine: name, inputs, outputs, versions, largest batch, the queue and
its refusals, the digests of the files. `triton_overlay.py` adds what runs it on a CPU, `triton_gpu.py` on a GPU.
"""

import hashlib
from pathlib import Path

from google.protobuf import text_format
from tritonclient.grpc.model_config_pb2 import ModelConfig, ModelQueuePolicy

from celstream_stack.errors import StackError

QUEUE_REQUESTS = 256  # more wait nowhere but with who asks: the server says so at once; a model may say less
QUEUE_MICROSECONDS = 60_000_000  # Triton lets a client ask for less only where there is a limit at all
PRIORITIES = 2  # 1: a person waits for the answer; 2, where nothing is said: a stage works through a film


def models(repository: Path) -> list[Path]:
    """The models of a repository."""
    return sorted(path.parent.absolute() for path in repository.glob("*/config.pbtxt"))


def read(source: Path) -> ModelConfig:
    """The configuration of a model, as its makers wrote it. Raises StackError."""
    path = source / "config.pbtxt"
    config = ModelConfig()
    try:
        text_format.Parse(path.read_text(), config)
    except text_format.ParseError as error:
        raise StackError(f"{path}: not a model configuration ({error}). Correct it.") from error
    return config


def digests(source: Path) -> dict[int, str]:
    """Version -> SHA-256 of its file. Raises StackError where there is none."""
    versions = sorted(int(path.parent.name) for path in source.glob("*/model.onnx") if path.parent.name.isdigit())
    if not versions:
        raise StackError(f"{source}: no <version>/model.onnx. Install the model, or remove the folder.")
    return {
        version: hashlib.sha256((source / str(version) / "model.onnx").read_bytes()).hexdigest() for version in versions
    }


def served(config: ModelConfig, name: str, digests: dict[int, str], queue_delay_microseconds: int) -> ModelConfig:
    """What is the same on every machine; but how long a request waits for company depends on what runs it."""
    made = ModelConfig(name=name, max_batch_size=config.max_batch_size)
    made.input.extend(config.input)
    made.output.extend(config.output)
    made.version_policy.all.SetInParent()  # the latest alone is the default: then no version can be pinned
    for version, digest in digests.items():
        made.parameters[f"celstream_sha256_{version}"].string_value = digest
    if config.max_batch_size:
        batching, asked = made.dynamic_batching, config.dynamic_batching.default_queue_policy
        batching.max_queue_delay_microseconds = queue_delay_microseconds
        batching.priority_levels = batching.default_priority_level = PRIORITIES
        batching.default_queue_policy.CopyFrom(
            ModelQueuePolicy(
                timeout_action=ModelQueuePolicy.REJECT,
                default_timeout_microseconds=QUEUE_MICROSECONDS,
                allow_timeout_override=True,
                max_queue_size=asked.max_queue_size or QUEUE_REQUESTS,
            )
        )
    return made
