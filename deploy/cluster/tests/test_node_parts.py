"""Of a node what can be tried without one: images without an engine, names, what Prometheus is told, what is ours."""

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
from celstream_cluster import images, machine, models, monitoring, network, programs, scratch_image
from celstream_platform.models.onnx import OnnxServer
from celstream_stack.errors import StackError

ROOT = Path(__file__).resolve().parents[3]
MONITOR = {"matchLabels": {"app.kubernetes.io/name": "celstream"}}


def test_an_image_of_programs_is_what_an_engine_would_save(tmp_path: Path) -> None:
    program = tmp_path / "pause"
    program.write_bytes(b"\x7fELF")
    scratch_image.write("localhost/celstream-node/pause:1", [program], tmp_path / "image.tar")
    with tarfile.open(tmp_path / "image.tar") as tar:
        (manifest,) = json.load(_file(tar, "manifest.json"))
        configuration = json.load(_file(tar, manifest["Config"]))
        with tarfile.open(fileobj=_file(tar, manifest["Layers"][0])) as layer:
            assert layer.getnames() == ["pause"]
            assert layer.getmember("pause").mode == 0o755
    assert manifest["RepoTags"] == ["localhost/celstream-node/pause:1"]
    assert configuration["config"]["Entrypoint"] == ["/pause"]
    assert configuration["rootfs"]["diff_ids"] == [f"sha256:{manifest['Layers'][0].removesuffix('.tar')}"]


def _file(tar: tarfile.TarFile, name: str) -> io.BytesIO:
    found = tar.extractfile(name)
    assert found is not None
    return io.BytesIO(found.read())


def test_every_program_belongs_to_one_module_folder_that_pins_it() -> None:
    names = [name for module in programs.MODULES.values() for name in module.packages]
    assert len(names) == len(set(names))
    for name in programs.MODULES:
        folder = ROOT / "deploy" / "cluster" / "celstream_cluster" / "go" / name
        assert (folder / "go.mod").exists()
        assert programs.home(name).name.startswith(f"go-{name}-")


def test_versions_of_the_code_are_those_of_the_module_folders() -> None:
    folder = ROOT / "deploy" / "cluster" / "celstream_cluster" / "go"
    for name, version in (
        ("kubernetes", f"k8s.io/kubernetes v{programs.KUBERNETES}"),
        ("containerd", f"github.com/containerd/containerd/v2 v{programs.CONTAINERD}"),
        ("coredns", f"github.com/coredns/coredns v{programs.COREDNS}"),
        ("keda", f"github.com/kedacore/keda/v2 v{programs.KEDA}"),
        ("metrics-server", f"sigs.k8s.io/metrics-server v{programs.METRICS_SERVER}"),
    ):
        assert version in (folder / name / "go.mod").read_text()


def test_images_are_those_of_the_dockerfile_under_the_charts_version() -> None:
    assert {"segmenter", "catalog", "cli"} <= set(images.services(ROOT))
    assert images.version(ROOT / "charts" / "celstream") in (ROOT / "charts" / "celstream" / "Chart.yaml").read_text()


def test_the_model_of_the_node_says_a_pictures_mean_colour(tmp_path: Path) -> None:
    models.write(tmp_path)
    server = OnnxServer(tmp_path / "models")
    pictures = np.random.default_rng(0).integers(0, 255, (3, 8, 9, 3), dtype=np.uint8)
    answered = server.infer(models.MEAN_COLOUR, 1, {"picture": pictures}).result()["colour"]
    server.close()
    np.testing.assert_allclose(answered, pictures.mean(axis=(1, 2)), rtol=1e-5)


def test_a_monitor_becomes_what_the_operator_would_make_of_it() -> None:
    expression = {"key": "app.kubernetes.io/component", "operator": "In", "values": ["segmenter", "catalog"]}
    chosen = list(monitoring.selected(MONITOR | {"matchExpressions": [expression]}))
    assert chosen == [
        {
            "action": "keep",
            "source_labels": ["__meta_kubernetes_pod_label_app_kubernetes_io_name"],
            "regex": "celstream",
        },
        {
            "action": "keep",
            "source_labels": ["__meta_kubernetes_pod_label_app_kubernetes_io_component"],
            "regex": "segmenter|catalog",
        },
    ]
    with pytest.raises(StackError, match="Exists is not understood"):
        list(monitoring.selected({"matchExpressions": [expression | {"operator": "Exists"}]}))


@pytest.mark.parametrize(
    ("line", "ours"),
    [
        ("-A PREROUTING -j KUBE-SERVICES", True),
        (":CNI-HOSTPORT-DNAT - [0:0]", True),
        ("-A FORWARD -i celstream0 -j ACCEPT", True),
        ("-A FORWARD -i docker0 -o docker0 -j ACCEPT", False),
        ("-A INPUT -m comment --comment celstream01 -j DROP", False),
    ],
)
def test_rules_of_the_packet_filter_are_known_by_their_names(line: str, ours: bool) -> None:
    assert bool(network.OURS.search(line)) is ours


def test_what_a_path_lies_on_is_what_is_mounted_nearest_to_it() -> None:
    mounts = "/dev/vda / ext4 rw 0 0\noverlay /var/cache overlay rw 0 0\ntmpfs /var/cache/x tmpfs rw 0 0\n"
    for path, kind in (("/var", "ext4"), ("/var/cache/celstream", "overlay"), ("/var/cache/x/y", "tmpfs")):
        assert machine.file_system(Path(path), mounts) == kind


def test_a_disk_that_is_too_small_is_said_before_minutes_have_gone() -> None:
    machine.refuse_small(Path("/cache"), 8, {"the node": 4, "its images": 4})
    with pytest.raises(
        StackError, match=r"3 GB free for /cache, expected 4 for the node\. Make room, set CELSTREAM_CACHE"
    ):
        machine.refuse_small(Path("/cache"), 3, {"the node": 4})
    with pytest.raises(StackError, match="expected 4 for the node and 4 for its images and 17 for building"):
        machine.refuse_small(Path("/cache"), 24, {"the node": 4, "its images": 4, "building its programs": 17})
