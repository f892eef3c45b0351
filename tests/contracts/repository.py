"""A model repository for the contract suite: one tiny model, made on the spot."""

from pathlib import Path

import onnx
from onnx import TensorProto, helper

MODEL = "halves"
CONFIG = """
name: "halves"
platform: "onnxruntime_onnx"
max_batch_size: 4
input [ { name: "picture" data_type: TYPE_UINT8 dims: [ 2, 3 ] } ]
output [ { name: "half" data_type: TYPE_FP32 dims: [ 2, 3 ] }, { name: "sum" data_type: TYPE_FP32 dims: [ 1 ] } ]
instance_group [ { count: 1 kind: KIND_CPU } ]
dynamic_batching { max_queue_delay_microseconds: 0 }
"""


def write_repository(folder: Path) -> None:
    """Write model `halves`, version 1: uint8 [N, 2, 3] in; half of each value and their sum out."""
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["picture"], ["real"], to=TensorProto.FLOAT),
            helper.make_node("Mul", ["real", "factor"], ["half"]),
            helper.make_node("ReduceSum", ["half", "axes"], ["flat"], keepdims=0),
            helper.make_node("Reshape", ["flat", "shape"], ["sum"]),
        ],
        "halves",
        [helper.make_tensor_value_info("picture", TensorProto.UINT8, ["N", 2, 3])],
        [
            helper.make_tensor_value_info("half", TensorProto.FLOAT, ["N", 2, 3]),
            helper.make_tensor_value_info("sum", TensorProto.FLOAT, ["N", 1]),
        ],
        [
            helper.make_tensor("factor", TensorProto.FLOAT, [], [0.5]),
            helper.make_tensor("axes", TensorProto.INT64, [2], [1, 2]),
            helper.make_tensor("shape", TensorProto.INT64, [2], [-1, 1]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    (folder / MODEL / "1").mkdir(parents=True)
    onnx.save(model, folder / MODEL / "1" / "model.onnx")
    (folder / MODEL / "config.pbtxt").write_text(CONFIG)
