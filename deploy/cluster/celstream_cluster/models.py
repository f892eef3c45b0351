"""What the node's Triton serves: one small model, made on the spot; the chart's job takes it out of an image."""

from pathlib import Path

import onnx
from celstream_stack import triton_cpu
from onnx import TensorProto, helper

MEAN_COLOUR = "mean_colour"
CONFIG = """max_batch_size: 8
input [ { name: "picture" data_type: TYPE_UINT8 dims: [ -1, -1, 3 ] } ]
output [ { name: "colour" data_type: TYPE_FP32 dims: [ 3 ] } ]
dynamic_batching { }
"""
OPSET, FORMAT = 17, 8  # of ONNX: what Triton's onnxruntime reads, and older ones as well


def write(folder: Path) -> None:
    """Write `models`, which an image is made of, into an empty folder."""
    write_mean_colour(folder / "sources" / MEAN_COLOUR)
    triton_cpu.write_repository(folder / "sources", folder / "models")


def write_mean_colour(model: Path) -> None:
    """Write a model that says a picture's mean colour: uint8 [N, H, W, 3] in, float [N, 3] out, both 0-255."""
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["picture"], ["real"], to=TensorProto.FLOAT),
            helper.make_node("ReduceMean", ["real"], ["colour"], axes=[1, 2], keepdims=0),
        ],
        MEAN_COLOUR,
        [helper.make_tensor_value_info("picture", TensorProto.UINT8, ["N", "H", "W", 3])],
        [helper.make_tensor_value_info("colour", TensorProto.FLOAT, ["N", 3])],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=FORMAT)
    onnx.checker.check_model(made)
    (model / "1").mkdir(parents=True)
    onnx.save(made, model / "1" / "model.onnx")
    (model / "config.pbtxt").write_text(CONFIG)
