"""The models of Triton's benchmark, made on the spot: a light network over crops, twice, and a look at large frames."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

BATCHED, SINGLE, FRAMES = "crops", "crops_one_by_one", "frames"
CROP, FRAME = (96, 96, 3), (1080, 1920, 3)  # height, width, channels
CHANNELS = 16
OUTPUTS = 136  # 68 points
MAX_BATCH = 16
CONFIG = """
name: "{name}"
platform: "onnxruntime_onnx"
max_batch_size: {batch}
input [ {{ name: "picture" data_type: TYPE_UINT8 dims: [ {dims} ] }} ]
output [ {{ name: "answer" data_type: {type} dims: [ {answer} ] }} ]
{batching}
"""


def write_models(repository: Path) -> None:
    """Write all three."""
    crops, dims = _crops(), ", ".join(map(str, CROP))
    # A batch of one at most: then the server has nothing to put together.
    for name, batch in ((BATCHED, MAX_BATCH), (SINGLE, 1)):
        config = CONFIG.format(
            name=name, batch=batch, dims=dims, type="TYPE_FP32", answer=OUTPUTS, batching="dynamic_batching { }"
        )
        _write(repository, name, crops, config)
    config = CONFIG.format(
        name=FRAMES,
        batch=4,
        dims=", ".join(map(str, FRAME)),
        type="TYPE_UINT8",
        answer="-1, -1, 3",
        batching="dynamic_batching { }",
    )
    _write(repository, FRAMES, _frames(), config)


def _crops() -> onnx.GraphProto:
    """Convolution, pooling over the picture, and a linear layer: the shape of a landmark network, and far smaller."""
    dice = np.random.default_rng(0)
    kernel = dice.normal(0, 0.1, (CHANNELS, 3, 5, 5)).astype(np.float32)
    linear = dice.normal(0, 0.1, (CHANNELS, OUTPUTS)).astype(np.float32)
    nodes = [
        helper.make_node("Cast", ["picture"], ["real"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["real"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["planes", "kernel"], ["seen"], strides=[4, 4]),
        helper.make_node("Relu", ["seen"], ["active"]),
        helper.make_node("GlobalAveragePool", ["active"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("MatMul", ["flat", "linear"], ["answer"]),
    ]
    return helper.make_graph(
        nodes,
        "crops",
        [helper.make_tensor_value_info("picture", TensorProto.UINT8, ["N", *CROP])],
        [helper.make_tensor_value_info("answer", TensorProto.FLOAT, ["N", OUTPUTS])],
        [numpy_helper.from_array(kernel, "kernel"), numpy_helper.from_array(linear, "linear")],
    )


def _frames() -> onnx.GraphProto:
    """Every 64th pixel in both directions."""
    numbers = {"starts": [0, 0], "ends": [FRAME[0], FRAME[1]], "axes": [1, 2], "steps": [64, 64]}
    return helper.make_graph(
        [helper.make_node("Slice", ["picture", *numbers], ["answer"])],
        "frames",
        [helper.make_tensor_value_info("picture", TensorProto.UINT8, ["N", *FRAME])],
        [helper.make_tensor_value_info("answer", TensorProto.UINT8, ["N", "H", "W", 3])],
        [helper.make_tensor(name, TensorProto.INT64, [2], values) for name, values in numbers.items()],
    )


def _write(repository: Path, name: str, graph: onnx.GraphProto, config: str) -> None:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    (repository / name / "1").mkdir(parents=True)
    onnx.save(model, repository / name / "1" / "model.onnx")
    (repository / name / "config.pbtxt").write_text(config)
