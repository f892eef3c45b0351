"""Model repositories with a `transnetv2` that always says the same: tiny, and asked as the real one is."""

from pathlib import Path

import numpy as np
import onnx
from celstream_stack.transnetv2 import CONFIG, NAME
from onnx import TensorProto, helper, numpy_helper


def write_opinion(repository: Path, chance: float) -> Path:
    """Write the model, over one that may be there; the repository. chance: its answer for every frame, 0-1."""
    constants = {"zero": np.array(0, np.float32), "chance": np.array(chance, np.float32)}
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["frames"], ["real"], to=TensorProto.FLOAT),
            helper.make_node("ReduceMean", ["real"], ["brightness"], axes=[2, 3, 4], keepdims=0),
            helper.make_node("Mul", ["brightness", "zero"], ["nothing"]),
            helper.make_node("Add", ["nothing", "chance"], ["cut"]),
            helper.make_node("Identity", ["cut"], ["changing"]),
        ],
        NAME,
        [helper.make_tensor_value_info("frames", TensorProto.UINT8, ["N", 100, 27, 48, 3])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 100]) for name in ("cut", "changing")],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    (repository / NAME / "1").mkdir(parents=True, exist_ok=True)
    onnx.save(model, repository / NAME / "1" / "model.onnx")
    (repository / NAME / "config.pbtxt").write_text(CONFIG)
    return repository
