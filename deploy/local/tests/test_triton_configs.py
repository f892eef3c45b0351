"""What Triton is given on a CPU and on a GPU comes of one description, and says the same to whoever asks."""

import hashlib
from pathlib import Path

import pytest
from celstream_stack import StackError, triton_cpu
from celstream_stack.triton_gpu import write_repository
from celstream_stack.triton_overlay import write_overlay
from google.protobuf import text_format
from tritonclient.grpc.model_config_pb2 import ModelConfig, ModelInstanceGroup

CROPS = """
max_batch_size: 16
input [ { name: "picture" data_type: TYPE_UINT8 dims: [ 96, 96, 3 ] } ]
output [ { name: "points" data_type: TYPE_FP32 dims: [ 68, 2 ] }, { name: "score" data_type: TYPE_FP32 dims: [ 68 ] } ]
"""
SOUND = """
max_batch_size: 0
input [ { name: "samples" data_type: TYPE_FP32 dims: [ 1, 512 ] } ]
input [ { name: "state" data_type: TYPE_FP32 dims: [ 2, 64 ] } ]
output [ { name: "speech" data_type: TYPE_FP32 dims: [ 1 ] } ]
"""
FRAMES = """
max_batch_size: 4
input [ { name: "frame" data_type: TYPE_UINT8 dims: [ -1, -1, 3 ] } ]
output [ { name: "boxes" data_type: TYPE_FP32 dims: [ -1, 5 ] } ]
dynamic_batching { default_queue_policy { max_queue_size: 8 } }
"""
OWN_WAY = """
max_batch_size: 8
input [ { name: "picture" data_type: TYPE_UINT8 dims: [ 64, 64, 3 ] } ]
output [ { name: "vector" data_type: TYPE_FP32 dims: [ 128 ] } ]
instance_group [ { count: 4 kind: KIND_GPU gpus: [ 0, 1 ] } ]
optimization { execution_accelerators { gpu_execution_accelerator [ {
  name: "tensorrt" parameters { key: "precision_mode" value: "FP16" } } ] } }
"""
DESCRIPTIONS = {"crops": CROPS, "sound": SOUND, "frames": FRAMES, "own_way": OWN_WAY}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A model repository; what the files hold does not matter here."""
    for name, description in DESCRIPTIONS.items():
        for version in (1, 3):
            (tmp_path / "models" / name / str(version)).mkdir(parents=True)
            (tmp_path / "models" / name / str(version) / "model.onnx").write_bytes(f"{name} {version}".encode())
        (tmp_path / "models" / name / "config.pbtxt").write_text(description)
    return tmp_path / "models"


@pytest.fixture
def cpu(repository: Path, tmp_path: Path) -> dict[str, ModelConfig]:
    assert write_overlay(repository, tmp_path / "cpu") == sorted(DESCRIPTIONS)
    return written(tmp_path / "cpu")


@pytest.fixture
def gpu(repository: Path, tmp_path: Path) -> dict[str, ModelConfig]:
    assert write_repository(repository, tmp_path / "gpu", "/engines") == sorted(DESCRIPTIONS)
    return written(tmp_path / "gpu")


def written(folder: Path) -> dict[str, ModelConfig]:
    """The configurations in a folder, read by Triton's own message: what it does not know fails here."""
    return {
        path.parent.name: text_format.Parse(path.read_text(), ModelConfig()) for path in folder.glob("*/config.pbtxt")
    }


def accelerator(config: ModelConfig) -> dict[str, str]:
    """Parameters of TensorRT; empty where it is not used."""
    found = config.optimization.execution_accelerators.gpu_execution_accelerator
    assert [one.name for one in found] in ([], ["tensorrt"])
    return dict(found[0].parameters) if found else {}


def test_a_models_licence_and_card_go_with_it(repository: Path, tmp_path: Path) -> None:
    (repository / "crops" / "LICENSE").write_text("MIT License")
    (repository / "crops" / "README.md").write_text("# Crops")
    write_repository(repository, tmp_path / "gpu")
    triton_cpu.write_repository(repository, tmp_path / "cpu")
    for machine in ("cpu", "gpu"):
        assert (tmp_path / machine / "crops" / "LICENSE").read_text() == "MIT License"
        assert (tmp_path / machine / "crops" / "README.md").read_text() == "# Crops"
        assert not (tmp_path / machine / "sound" / "LICENSE").exists()


@pytest.mark.parametrize("name", DESCRIPTIONS)
def test_both_machines_serve_the_same_model(
    name: str, cpu: dict[str, ModelConfig], gpu: dict[str, ModelConfig]
) -> None:
    one, other = cpu[name], gpu[name]
    described = text_format.Parse(DESCRIPTIONS[name], ModelConfig())
    for config in (one, other):
        assert config.name == name
        assert list(config.input) == list(described.input)
        assert list(config.output) == list(described.output)
        assert config.max_batch_size == described.max_batch_size
        for version in (1, 3):
            expected = hashlib.sha256(f"{name} {version}".encode()).hexdigest()
            assert config.parameters[f"celstream_sha256_{version}"].string_value == expected
    assert one.version_policy == other.version_policy
    assert one.HasField("dynamic_batching") == other.HasField("dynamic_batching") == bool(described.max_batch_size)
    for field in ("priority_levels", "default_priority_level", "default_queue_policy"):
        assert getattr(one.dynamic_batching, field) == getattr(other.dynamic_batching, field)


def test_each_machine_has_what_runs_it(
    cpu: dict[str, ModelConfig], gpu: dict[str, ModelConfig], repository: Path, tmp_path: Path
) -> None:
    for name in DESCRIPTIONS:
        assert (cpu[name].backend, gpu[name].backend) == ("python", "onnxruntime")
        assert {group.kind for group in cpu[name].instance_group} == {ModelInstanceGroup.KIND_CPU}
        assert {group.kind for group in gpu[name].instance_group} == {ModelInstanceGroup.KIND_GPU}
        for version in ("1", "3"):
            model = tmp_path / "gpu" / name / version / gpu[name].default_model_filename
            assert model.read_bytes() == (repository / name / version / "model.onnx").read_bytes()
            assert (tmp_path / "cpu" / name / version / "model.py").is_file()


def test_a_repository_for_cpus_holds_all_it_needs_and_may_be_moved(repository: Path, tmp_path: Path) -> None:
    assert triton_cpu.write_repository(repository, tmp_path / "whole") == sorted(DESCRIPTIONS)
    for name, config in written(tmp_path / "whole").items():
        for version in ("1", "3"):
            folder = tmp_path / "whole" / name
            model = folder / config.parameters["celstream_onnx"].string_value / version / "model.onnx"
            assert not model.is_symlink()
            assert model.read_bytes() == (repository / name / version / "model.onnx").read_bytes()
            assert (folder / version / "model.py").is_file()
    assert not any(str(tmp_path) in path.read_text() for path in (tmp_path / "whole").glob("*/config.pbtxt"))


def test_tensorrt_knows_the_sizes_beforehand_and_graphs_are_for_one_shape(gpu: dict[str, ModelConfig]) -> None:
    crops, sound = accelerator(gpu["crops"]), accelerator(gpu["sound"])
    assert crops["trt_profile_min_shapes"] == "picture:1x96x96x3"
    assert crops["trt_profile_max_shapes"] == crops["trt_profile_opt_shapes"] == "picture:16x96x96x3"
    assert "trt_cuda_graph_enable" not in crops
    assert sound["trt_profile_max_shapes"] == "samples:1x512,state:2x64"
    assert sound["trt_cuda_graph_enable"] == "1"
    assert {parameters["trt_engine_cache_path"] for parameters in (crops, sound)} == {
        "/engines/crops",
        "/engines/sound",
    }
    assert accelerator(gpu["frames"]) == {}, "free sizes: an engine would be built for each"
    assert [sample.batch_size for sample in gpu["crops"].model_warmup] == [1, 16]
    assert [sample.batch_size for sample in gpu["sound"].model_warmup] == [1]
    assert not gpu["frames"].model_warmup


def test_a_model_may_have_its_own_way(gpu: dict[str, ModelConfig], cpu: dict[str, ModelConfig]) -> None:
    assert [(group.count, list(group.gpus)) for group in gpu["own_way"].instance_group] == [(4, [0, 1])]
    assert accelerator(gpu["own_way"]) == {"precision_mode": "FP16"}
    for machine in (cpu, gpu):
        assert machine["frames"].dynamic_batching.default_queue_policy.max_queue_size == 8


def test_what_is_no_configuration_is_named(repository: Path, tmp_path: Path) -> None:
    (repository / "crops" / "config.pbtxt").write_text("max_batch: 4")
    with pytest.raises(StackError, match=r"crops/config\.pbtxt: not a model configuration .*max_batch.*Correct it"):
        write_repository(repository, tmp_path / "gpu")
