"""A model's `config.pbtxt` (Triton's model configuration, text format), as far as both model servers need it.

Only the fields that are read here are described; all others are passed over, so any Triton configuration can be read.
Names are those of Triton's model_config.proto (https://github.com/triton-inference-server/common); the text format
carries no field numbers, so those here are our own.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format

from celstream_platform.errors import Invalid, NotFound

_TYPES: Mapping[str, type[np.generic]] = {
    "TYPE_BOOL": np.bool_,
    "TYPE_UINT8": np.uint8,
    "TYPE_UINT16": np.uint16,
    "TYPE_UINT32": np.uint32,
    "TYPE_UINT64": np.uint64,
    "TYPE_INT8": np.int8,
    "TYPE_INT16": np.int16,
    "TYPE_INT32": np.int32,
    "TYPE_INT64": np.int64,
    "TYPE_FP16": np.float16,
    "TYPE_FP32": np.float32,
    "TYPE_FP64": np.float64,
}
_READ = ("max_batch_size", "input", "output")
_TOKEN = re.compile(r"""#[^\n]*|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[{}\[\]:,;]|[^\s{}\[\]:,;"'#]+""")


@dataclass(frozen=True, slots=True)
class Tensor:
    """An input or output. shape: with the batch as dimension 0; -1 where any size is allowed."""

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]

    def check(self, model: str, array: np.ndarray[Any, Any]) -> None:
        """Raise Invalid where an array does not fit."""
        if array.dtype != self.dtype:
            raise Invalid(f"{model}: input {self.name} of type {array.dtype}, expected {self.dtype}.")
        fits = array.ndim == len(self.shape) and all(
            want in (-1, got) for want, got in zip(self.shape, array.shape, strict=True)
        )
        if not fits:
            raise Invalid(f"{model}: input {self.name} of shape {array.shape}, expected {self.shape} (-1: any).")


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """What a model takes and gives. max_batch: most requests in one batch, 0 where the model does not batch."""

    name: str
    max_batch: int
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]

    def check(self, inputs: Mapping[str, np.ndarray[Any, Any]]) -> None:
        """Raise Invalid where names, types, shapes or batch do not fit."""
        expected = {tensor.name for tensor in self.inputs}
        if set(inputs) != expected:
            raise Invalid(f"{self.name}: inputs {sorted(inputs)}, expected {sorted(expected)}.")
        for tensor in self.inputs:
            tensor.check(self.name, inputs[tensor.name])
        batches = {array.shape[0] for array in inputs.values()}
        if len(batches) > 1:
            raise Invalid(f"{self.name}: inputs with batches of {sorted(batches)}, expected the same in all.")
        if self.max_batch and max(batches) > self.max_batch:
            raise Invalid(f"{self.name}: batch of {max(batches)}, at most {self.max_batch} allowed. Split it.")


def read_config(repository: Path, model: str) -> ModelConfig:
    """Read `<repository>/<model>/config.pbtxt`. Raises NotFound; Invalid where it is not such a file."""
    path = repository / model / "config.pbtxt"
    try:
        text = path.read_text()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFound(f"{model}: no such model in {repository}. Install it, or give another repository.") from error
    parsed = _Config()
    try:
        text_format.Parse(_fields_read(text), parsed, allow_unknown_field=True)
    except text_format.ParseError as error:
        raise Invalid(f"{path}: not a model configuration: {error}.") from error
    return config_of(parsed, model, str(path))


def config_of(parsed: Any, model: str, where: str) -> ModelConfig:
    """What a parsed message says: this file's own, or Triton's. where: named in complaints. Raises Invalid."""
    batched = parsed.max_batch_size > 0
    return ModelConfig(
        name=model,
        max_batch=parsed.max_batch_size,
        inputs=tuple(_tensor(where, tensor, batched) for tensor in parsed.input),
        outputs=tuple(_tensor(where, tensor, batched) for tensor in parsed.output),
    )


def _fields_read(text: str) -> str:
    """The top-level fields that are read here. Protobuf passes over unknown fields, but not over lists inside them."""
    kept: list[str] = []
    depth, keep, before = 0, False, ""
    for match in _TOKEN.finditer(text):
        piece = match[0]
        if piece.startswith("#"):
            continue
        if depth == 0 and before != ":" and piece[0].isalpha():
            keep = piece in _READ
        depth += (piece in "{[") - (piece in "}]")
        kept += [piece] if keep else []
        before = piece
    return " ".join(kept)


def _tensor(where: str, tensor: Any, batched: bool) -> Tensor:
    type_name = tensor.DESCRIPTOR.fields_by_name["data_type"].enum_type.values_by_number[tensor.data_type].name
    if type_name not in _TYPES:
        raise Invalid(f"{where}: {tensor.name} is of {type_name}, expected one of {', '.join(_TYPES)}.")
    return Tensor(tensor.name, np.dtype(_TYPES[type_name]), (*((-1,) if batched else ()), *tensor.dims))


def _message_class() -> Any:
    """The protobuf message that the text is parsed into."""
    field = descriptor_pb2.FieldDescriptorProto
    one, many = field.LABEL_OPTIONAL, field.LABEL_REPEATED
    file = descriptor_pb2.FileDescriptorProto(
        name="celstream/model_config.proto", package="celstream.models", syntax="proto3"
    )
    types = file.enum_type.add(name="DataType")
    for number, name in enumerate(["TYPE_INVALID", *_TYPES, "TYPE_STRING", "TYPE_BF16"]):
        types.value.add(name=name, number=number)
    tensor = file.message_type.add(name="Tensor")
    tensor.field.add(name="name", number=1, type=field.TYPE_STRING, label=one)
    tensor.field.add(
        name="data_type", number=2, type=field.TYPE_ENUM, label=one, type_name=".celstream.models.DataType"
    )
    tensor.field.add(name="dims", number=3, type=field.TYPE_INT64, label=many)
    config = file.message_type.add(name="ModelConfig")
    config.field.add(name="max_batch_size", number=1, type=field.TYPE_INT32, label=one)
    for number, name in ((2, "input"), (3, "output")):
        config.field.add(
            name=name, number=number, type=field.TYPE_MESSAGE, label=many, type_name=".celstream.models.Tensor"
        )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("celstream.models.ModelConfig"))


_Config = _message_class()
