"""TransNetV2 as an ONNX graph: 100 small pictures in, for each of them two probabilities of a transition out.

T. Souček and J. Lokoč, "TransNet V2: An effective deep network architecture for fast shot transition detection",
arXiv:2008.04838. Each of its convolutions over space and time is one over space and one over time: they are written as
two-dimensional ones, over (height, width) and over (time, pixels), which onnxruntime computes faster than
three-dimensional ones. Normalisation of batches is folded into the weights.
"""

from collections.abc import Sequence
from itertools import count
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from celstream_stack.transnetv2_weights import Weights

FRAMES, HEIGHT, WIDTH = 100, 27, 48
LOOKUP = 101  # frames with which each is compared, itself in the middle
BLOCKS, LAYERS = 3, 2
DILATIONS = (1, 2, 4, 8)  # frames
BINS = 8 * 8 * 8  # colours of a histogram: the three upper bits of red, green and blue
NORM_EPSILON, BATCH_EPSILON = 1e-12, 1e-3
OPSET, IR_VERSION = 17, 8  # taken by Triton's onnxruntime backend since 23.01


def transnetv2(weights: Weights) -> onnx.ModelProto:
    """The model: `frames` uint8 N x 100 x 27 x 48 x 3 (red, green, blue) to `cut` and `changing`, each N x 100, 0-1.

    cut: that the frame is the last before a transition's middle. changing: that it is one of a transition's.
    """
    graph = _Graph(weights)
    pictures = graph.add("Transpose", graph.add("Cast", "frames", to=TensorProto.FLOAT), perm=[0, 1, 4, 2, 3])
    values = graph.add("Div", graph.reshape(pictures, (-1, 3, HEIGHT, WIDTH)), graph.constant(np.float32(255)))
    means = []
    height, width = HEIGHT, WIDTH
    for block in range(BLOCKS):
        values = graph.block(values, f"SDDCNN.{block}", height, width)
        height, width = height // 2, width // 2
        means.append(graph.add("ReduceMean", values, axes=[2, 3], keepdims=0))
    features = graph.reshape(
        graph.add("Transpose", values, perm=[0, 2, 3, 1]), (-1, FRAMES, graph.channels(height, width))
    )
    alike = graph.similar(graph.reshape(graph.add("Concat", *means, axis=1), (-1, FRAMES, graph.mean_channels())))
    coloured = graph.alike("color_hist_layer.fc", graph.histograms())
    hidden = graph.linear("fc1", graph.add("Concat", coloured, alike, features, axis=2), relu=True)
    for name, layer in (("cut", "cls_layer1"), ("changing", "cls_layer2")):
        chance = graph.add("Sigmoid", graph.linear(layer, hidden))
        graph.nodes.append(helper.make_node("Squeeze", [chance, graph.constant(np.array([2]))], [name]))
    described = helper.make_graph(
        graph.nodes,
        "transnetv2",
        [helper.make_tensor_value_info("frames", TensorProto.UINT8, ["N", FRAMES, HEIGHT, WIDTH, 3])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", FRAMES]) for name in ("cut", "changing")],
        graph.constants,
    )
    model = helper.make_model(described, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    onnx.checker.check_model(model, full_check=True)
    return model


class _Graph:
    """Nodes and constants that are being put together; values are known by their names."""

    def __init__(self, weights: Weights) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self._weights = weights
        self._numbers = count()

    def add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """A node with one output."""
        return self._add(kind, inputs, 1, attributes)[0]

    def constant(self, value: "NDArray[np.generic] | np.generic") -> str:
        """A constant."""
        name = f"constant_{next(self._numbers)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def reshape(self, value: str, shape: Sequence[int]) -> str:
        """The same values in another shape; one size may be -1."""
        return self.add("Reshape", value, self.constant(np.array(shape, np.int64)))

    def linear(self, layer: str, value: str, *, relu: bool = False) -> str:
        """A fully connected layer over the last dimension."""
        weight, bias = (self._weights[f"{layer}.{part}"] for part in ("weight", "bias"))
        product = self.add("MatMul", value, self.constant(np.ascontiguousarray(weight.T)))
        total = self.add("Add", product, self.constant(bias))
        return self.add("Relu", total) if relu else total

    def block(self, values: str, name: str, height: int, width: int) -> str:
        """Two dilated layers with a way past the second, and pictures of half the size. values: N·T x C x H x W."""
        first = self.add("Relu", self._dilated(values, f"{name}.DDCNN.0", height, width))
        second = self.add("Relu", self._dilated(first, f"{name}.DDCNN.1", height, width))
        both = self.add("Add", second, first)
        return self.add("AveragePool", both, kernel_shape=[2, 2], strides=[2, 2])

    def _dilated(self, values: str, name: str, height: int, width: int) -> str:
        """Convolutions over a picture, then over the frames near, less near and far, all normalised."""
        parts = [f"{name}.Conv3D_{dilation}.layers" for dilation in DILATIONS]
        over_space = np.concatenate([self._weights[f"{part}.0.weight"][:, :, 0] for part in parts])
        channels = len(over_space)
        spread = self.add("Conv", values, self.constant(over_space), pads=[1, 1, 1, 1], kernel_shape=[3, 3])
        frames = self.reshape(spread, (-1, FRAMES, channels, height * width))
        in_time = self.add("Transpose", frames, perm=[0, 2, 1, 3])
        scale = self._weights[f"{name}.bn.weight"] / np.sqrt(self._weights[f"{name}.bn.running_var"] + BATCH_EPSILON)
        shift = self._weights[f"{name}.bn.bias"] - self._weights[f"{name}.bn.running_mean"] * scale
        split = self._add("Split", [in_time], len(DILATIONS), {"axis": 1})
        scales, shifts = np.split(scale, len(DILATIONS)), np.split(shift, len(DILATIONS))
        results = []
        for dilation, part, of_part, factor, offset in zip(DILATIONS, parts, split, scales, shifts, strict=True):
            over_time = self._weights[f"{part}.1.weight"][:, :, :, 0] * factor[:, None, None, None]
            results.append(
                self.add(
                    "Conv",
                    of_part,
                    self.constant(over_time),
                    self.constant(offset),
                    kernel_shape=[3, 1],
                    dilations=[dilation, 1],
                    pads=[dilation, 0, dilation, 0],
                )
            )
        joined = self.add("Transpose", self.add("Concat", *results, axis=1), perm=[0, 2, 1, 3])
        return self.reshape(joined, (-1, len(scale), height, width))

    def similar(self, values: str) -> str:
        """How alike each frame is to those around it, by what the blocks saw."""
        return self.alike("frame_sim_layer.fc", self.linear("frame_sim_layer.projection", values))

    def alike(self, layer: str, values: str) -> str:
        """The cosine of each frame with each of the LOOKUP around it (0 beyond the ends), through a layer."""
        norm = self.add("ReduceL2", values, axes=[2], keepdims=1)
        unit = self.add("Div", values, self.add("Max", norm, self.constant(np.float32(NORM_EPSILON))))
        cosines = self.add("MatMul", unit, self.add("Transpose", unit, perm=[0, 2, 1]))
        # Frame t wants the columns from t on of its row. In rows that are one longer each begins one further right.
        side = LOOKUP // 2
        padded = self.add("Pad", cosines, self.constant(np.array([0, 0, side, 0, 0, side])))
        flat = self.reshape(padded, (-1, FRAMES * (FRAMES + 2 * side)))
        longer = self.add("Pad", flat, self.constant(np.array([0, 0, 0, FRAMES])))
        rows = self.reshape(longer, (-1, FRAMES, FRAMES + LOOKUP))
        ends = [np.array([value]) for value in (0, LOOKUP, 2)]
        around = self.add("Slice", rows, *(self.constant(end) for end in ends))
        return self.linear(layer, around, relu=True)

    def histograms(self) -> str:
        """How many pixels of each frame have which colour: N x 100 x BINS."""
        pixels = self.reshape("frames", (-1, FRAMES, HEIGHT * WIDTH, 3))
        upper = self.add("BitShift", pixels, self.constant(np.array(5, np.uint8)), direction="RIGHT")
        places = self.constant(np.array([64, 8, 1], np.int64))
        weighted = self.add("Mul", self.add("Cast", upper, to=TensorProto.INT64), places)
        colours = self.add("ReduceSum", weighted, self.constant(np.array([3])), keepdims=0)
        one = numpy_helper.from_array(np.ones(1, np.float32))
        ones = self.add("ConstantOfShape", self.add("Shape", colours), value=one)
        batch = self.add("Shape", "frames", start=0, end=1)
        sizes = self.add("Concat", batch, self.constant(np.array([FRAMES, BINS])), axis=0)
        none = self.add("ConstantOfShape", sizes)
        return self.add("ScatterElements", none, colours, ones, axis=2, reduction="add")

    def channels(self, height: int, width: int) -> int:
        """Values that the last block has of a frame."""
        return height * width * len(self._weights[f"SDDCNN.{BLOCKS - 1}.DDCNN.1.bn.weight"])

    def mean_channels(self) -> int:
        """Channels of all blocks."""
        return sum(len(self._weights[f"SDDCNN.{block}.DDCNN.1.bn.weight"]) for block in range(BLOCKS))

    def _add(self, kind: str, inputs: Sequence[str], outputs: int, attributes: dict[str, Any]) -> list[str]:
        names = [f"{kind.lower()}_{next(self._numbers)}" for _ in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, **attributes))
        return names
