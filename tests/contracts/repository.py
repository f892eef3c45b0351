"""Model repositories for tests of model servers, made on the spot: a tiny model, one of large inputs, a slow one."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

MODEL = "halves"
LARGE = "totals"
SLOW = "rounds"
SLOW_QUEUE = 8  # requests that may wait for it
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
SLOW_CONFIG = """
name: "rounds"
platform: "onnxruntime_onnx"
max_batch_size: 4
input [ {{ name: "rounds" data_type: TYPE_INT64 dims: [ 1 ] }} ]
output [ {{ name: "made" data_type: TYPE_FP32 dims: [ 1 ] }} ]
dynamic_batching {{ default_queue_policy {{ max_queue_size: {queue} }} }}
"""


def write_slow(folder: Path) -> None:
    """Write model `rounds`, version 1: int64 [N, 1] in; multiplies matrices so often (some ms each), and says so."""
    one = np.eye(384, dtype=np.float32)
    body = helper.make_graph(
        [helper.make_node("MatMul", ["before", "one"], ["after"]), helper.make_node("Identity", ["go"], ["go_on"])],
        "round",
        [
            helper.make_tensor_value_info("number", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("before", TensorProto.FLOAT, one.shape),
        ],
        [
            helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("after", TensorProto.FLOAT, one.shape),
        ],
    )
    graph = helper.make_graph(
        [
            helper.make_node("ReduceMax", ["rounds"], ["most"], keepdims=0),
            helper.make_node("Loop", ["most", "always", "one"], ["last"], body=body),
            helper.make_node("ReduceMax", ["last"], ["factor"], keepdims=0),
            helper.make_node("Cast", ["rounds"], ["real"], to=TensorProto.FLOAT),
            helper.make_node("Mul", ["real", "factor"], ["made"]),
        ],
        SLOW,
        [helper.make_tensor_value_info("rounds", TensorProto.INT64, ["N", 1])],
        [helper.make_tensor_value_info("made", TensorProto.FLOAT, ["N", 1])],
        [numpy_helper.from_array(one, "one"), helper.make_tensor("always", TensorProto.BOOL, [], [True])],
    )
    _write(folder, SLOW, graph, SLOW_CONFIG.format(queue=SLOW_QUEUE))


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
