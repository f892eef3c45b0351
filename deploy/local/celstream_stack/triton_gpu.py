"""A model repository for Triton on GPUs: the same models, under the same names, on its onnxruntime backend.

    python -m celstream_stack.triton_gpu REPOSITORY TARGET

TensorRT runs what it can of a model whose inputs have fixed sizes, CUDA the rest; its engines are built when a model is
loaded, for batches of one to the largest, and kept. CUDA graphs fit where nothing varies, not even the batch.
What the model's own `config.pbtxt` says of GPU instances or optimization is taken instead.
Parameters are those of https://github.com/triton-inference-server/onnxruntime_backend (README).
"""

import shutil
from pathlib import Path

from google.protobuf import text_format
from tritonclient.grpc.model_config_pb2 import ModelConfig, ModelInput, ModelInstanceGroup, ModelOptimizationPolicy

from celstream_stack import triton_config
from celstream_stack.triton_command import link, link_papers, main

QUEUE_DELAY_MICROSECONDS = 500  # a GPU takes hardly longer for a full batch than for one
INSTANCES = 2  # one copies while the other computes
ENGINES = "/var/cache/triton/engines"  # in the container; a volume, or engines are built anew with every start
WORKSPACE_BYTES = 1 << 30


def write_repository(repository: Path, target: Path, engines: str = ENGINES) -> list[str]:
    """Write the repository anew, its ONNX files linked where that is possible; the names of its models.

    engines: folder that the server keeps TensorRT's engines in. Raises StackError for what is no model.
    """
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    sources = triton_config.models(repository)
    for source in sources:
        digests = triton_config.digests(source)
        config = on_gpu(triton_config.read(source), source.name, digests, engines)
        for version in digests:
            (target / source.name / str(version)).mkdir(parents=True)
            link(source / str(version) / "model.onnx", target / source.name / str(version) / "model.onnx")
        (target / source.name / "config.pbtxt").write_text(text_format.MessageToString(config))
        link_papers(source, target / source.name)
    return [source.name for source in sources]


def on_gpu(config: ModelConfig, name: str, digests: dict[int, str], engines: str = ENGINES) -> ModelConfig:
    """The configuration of a model on the onnxruntime backend. digests: SHA-256 of the file of each version."""
    changed = triton_config.served(config, name, digests, QUEUE_DELAY_MICROSECONDS)
    changed.backend = "onnxruntime"
    changed.platform = "onnxruntime_onnx"
    changed.default_model_filename = "model.onnx"
    groups = [group for group in config.instance_group if group.kind == ModelInstanceGroup.KIND_GPU]
    changed.instance_group.extend(groups or [ModelInstanceGroup(count=INSTANCES, kind=ModelInstanceGroup.KIND_GPU)])
    fixed = all(size > 0 for tensor in config.input for size in tensor.dims)
    if config.HasField("optimization"):
        changed.optimization.CopyFrom(config.optimization)
    elif fixed:
        changed.optimization.CopyFrom(_tensorrt(config, f"{engines}/{name}"))
    if fixed:
        _warm_up(changed)
    return changed


def _tensorrt(config: ModelConfig, engines: str) -> ModelOptimizationPolicy:
    largest = max(1, config.max_batch_size)
    parameters = {
        "precision_mode": "FP32",  # a model is measured as it was trained; half precision is for its makers to allow
        "max_workspace_size_bytes": str(WORKSPACE_BYTES),
        "trt_engine_cache_enable": "1",
        "trt_engine_cache_path": engines,
        "trt_timing_cache_enable": "1",
        "trt_timing_cache_path": engines,
        # Without them an engine is built anew, for minutes, whenever a batch is larger than all before.
        "trt_profile_min_shapes": _shapes(config, 1),
        "trt_profile_opt_shapes": _shapes(config, largest),
        "trt_profile_max_shapes": _shapes(config, largest),
    }
    if largest == 1:
        parameters["trt_cuda_graph_enable"] = "1"  # a graph is for one shape
    policy = ModelOptimizationPolicy()
    accelerator = policy.execution_accelerators.gpu_execution_accelerator.add(name="tensorrt")
    accelerator.parameters.update(parameters)
    return policy


def _shapes(config: ModelConfig, batch: int) -> str:
    """`picture:16x96x96x3,…` as TensorRT is told them."""
    return ",".join(f"{one.name}:{'x'.join(map(str, _with_batch(config, one, batch)))}" for one in config.input)


def _with_batch(config: ModelConfig, tensor: ModelInput, batch: int) -> list[int]:
    return [*([batch] if config.max_batch_size else []), *tensor.dims]


def _warm_up(config: ModelConfig) -> None:
    """Run zeros before the model counts as loaded: engines are built then, not while somebody waits."""
    for batch in sorted({1, max(1, config.max_batch_size)}):
        sample = config.model_warmup.add(name=f"batch of {batch}", batch_size=batch)
        for tensor in config.input:
            sample.inputs[tensor.name].data_type = tensor.data_type
            sample.inputs[tensor.name].dims.extend(tensor.dims)
            sample.inputs[tensor.name].zero_data = True


if __name__ == "__main__":
    raise SystemExit(main(write_repository))
