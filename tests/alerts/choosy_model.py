"""A model that fails for some inputs, as a broken model does: it looks up a row that is not there."""

from pathlib import Path

import numpy as np
import onnx
from celstream_platform.models import Arrays
from onnx import TensorProto, helper, numpy_helper

CHOOSY = "choosy"
ROWS = 4
CONFIG = """
name: "choosy"
platform: "onnxruntime_onnx"
max_batch_size: 0
input [ { name: "row" data_type: TYPE_INT64 dims: [ 1 ] } ]
output [ { name: "value" data_type: TYPE_FP32 dims: [ 1 ] } ]
instance_group [ { count: 1 kind: KIND_CPU } ]
"""


def row(number: int) -> Arrays:
    """An input. Rows 0 to 3 are there."""
    return {"row": np.array([number], np.int64)}


def write_choosy(folder: Path) -> None:
    """Write model `choosy`, version 1: int64 [1] in; that row of a table out."""
    graph = helper.make_graph(
        [helper.make_node("Gather", ["table", "row"], ["value"])],
        CHOOSY,
        [helper.make_tensor_value_info("row", TensorProto.INT64, [1])],
        [helper.make_tensor_value_info("value", TensorProto.FLOAT, [1])],
        [numpy_helper.from_array(np.arange(ROWS, dtype=np.float32), "table")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    (folder / CHOOSY / "1").mkdir(parents=True)
    onnx.save(model, folder / CHOOSY / "1" / "model.onnx")
    (folder / CHOOSY / "config.pbtxt").write_text(CONFIG)
