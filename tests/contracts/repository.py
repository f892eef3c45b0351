"""Model repositories for the tests of model servers, made on the spot: a tiny model, and one of large inputs."""

from pathlib import Path

import onnx
from onnx import TensorProto, helper

MODEL = "halves"
LARGE = "totals"
CONFIG = """
name: "halves"
platform: "onnxruntime_onnx"
max_batch_size: 4
input [ { name: "picture" data_type: TYPE_UINT8 dims: [ 2, 3 ] } ]
output [ { name: "half" data_type: TYPE_FP32 dims: [ 2, 3 ] }, { name: "sum" data_type: TYPE_FP32 dims: [ 1 ] } ]
instance_group [ { count: 1 kind: KIND_CPU } ]
dynamic_batching { max_queue_delay_microseconds: 0 }
"""
LARGE_CONFIG = """
name: "totals"
platform: "onnxruntime_onnx"
max_batch_size: 4
input [ { name: "frames" data_type: TYPE_UINT8 dims: [ -1, -1, 3 ] } ]
output [ { name: "total" data_type: TYPE_FP64 dims: [ 1 ] } ]
dynamic_batching { }
"""


def write_large(folder: Path) -> None:
    """Write model `totals`, version 1: uint8 [N, H, W, 3] in; the sum of each sample out."""
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["frames"], ["real"], to=TensorProto.DOUBLE),
            helper.make_node("ReduceSum", ["real", "axes"], ["flat"], keepdims=0),
            helper.make_node("Reshape", ["flat", "shape"], ["total"]),
        ],
        LARGE,
        [helper.make_tensor_value_info("frames", TensorProto.UINT8, ["N", "H", "W", 3])],
        [helper.make_tensor_value_info("total", TensorProto.DOUBLE, ["N", 1])],
        [
            helper.make_tensor("axes", TensorProto.INT64, [3], [1, 2, 3]),
            helper.make_tensor("shape", TensorProto.INT64, [2], [-1, 1]),
        ],
    )
    _write(folder, LARGE, graph, LARGE_CONFIG)


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
    _write(folder, MODEL, graph, CONFIG)


def _write(folder: Path, name: str, graph: onnx.GraphProto, config: str) -> None:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    (folder / name / "1").mkdir(parents=True)
    onnx.save(model, folder / name / "1" / "model.onnx")
    (folder / name / "config.pbtxt").write_text(config)
