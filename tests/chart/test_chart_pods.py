"""The pods: restricted, measured, named by secrets alone, and given time to end."""

import re
from pathlib import Path

import pytest
from celstream_catalog.settings import CatalogSettings
from celstream_platform.artefacts import s3_connection
from celstream_platform.eventlog import kafka_connection
from celstream_platform.settings import load
from celstream_segmenter.settings import SegmenterSettings

from tests.chart.rendered import (
    ROOT,
    SCENARIOS,
    Manifest,
    containers,
    environment,
    find,
    objects,
    of_kind,
    pods,
    selects,
)

pytestmark = pytest.mark.slow
SERVICES = ("segmenter", "catalog")
SECRET = re.compile(r"PASSWORD|SECRET|USERNAME|PGUSER|ACCESS_KEY")
CELSTREAM_BESIDE = {"CELSTREAM_KAFKA_USERNAME", "CELSTREAM_KAFKA_PASSWORD"}  # read by the adapter itself


def bytes_of(quantity: str) -> int:
    """Bytes of a quantity of memory such as 2Gi."""
    number, unit = re.fullmatch(r"(\d+)(Ki|Mi|Gi)", quantity).groups()  # type: ignore[union-attr]
    return int(number) << {"Ki": 10, "Mi": 20, "Gi": 30}[unit]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_pod_keeps_to_the_restricted_standard(scenario: str) -> None:
    """https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted, and a read-only root besides."""
    for name, _, pod in pods(objects(scenario)):
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"].get("runAsUser") != 0, name
        assert pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault", name
        assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys(), name
        assert pod["automountServiceAccountToken"] is False, name
        kinds = {kind for volume in pod["volumes"] for kind in volume if kind != "name"}
        assert kinds <= {"emptyDir", "secret", "persistentVolumeClaim", "configMap", "projected"}, name
        for container in containers(pod):
            security = container["securityContext"]
            assert security["allowPrivilegeEscalation"] is False, name
            assert security["readOnlyRootFilesystem"] is True, name
            assert security["capabilities"] == {"drop": ["ALL"]}, name
            assert not {"privileged", "procMount", "runAsUser"} & security.keys(), name
            assert all("hostPort" not in port for port in container.get("ports", [])), name


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_container_says_what_it_takes(scenario: str) -> None:
    for name, _, pod in pods(objects(scenario)):
        for container in containers(pod):
            resources = container["resources"]
            assert resources["requests"].keys() >= {"cpu", "memory"}, name
            assert bytes_of(resources["limits"]["memory"]) >= bytes_of(resources["requests"]["memory"]), name


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_no_secret_is_written_down(scenario: str) -> None:
    for name, _, pod in pods(objects(scenario)):
        for container in containers(pod):
            for one in container.get("env", []):
                if SECRET.search(one["name"]) and not one["name"].endswith("USERNAME"):
                    assert "valueFrom" in one, f"{name}: {one['name']}"
                assert "@" not in one.get("value", ""), f"{name}: {one['name']}"
    assert of_kind(objects(scenario), "Secret") == []


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_services_can_read_what_they_are_told(scenario: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every variable is one of their settings, and addresses are such as their clients take."""
    for service, settings in (("segmenter", SegmenterSettings), ("catalog", CatalogSettings)):
        (container,) = find(objects(scenario), "Deployment", service)["spec"]["template"]["spec"]["containers"]
        given = environment(container)
        known = {f"CELSTREAM_{name.upper()}" for name in settings.model_fields}
        assert {name for name in given if name.startswith("CELSTREAM_")} <= known | CELSTREAM_BESIDE
        with monkeypatch.context() as patch:
            for name, value in given.items():
                patch.setenv(name, value)
            read = load(settings)
            kafka = kafka_connection.parse(read.events)
            store = s3_connection.parse(read.artefacts)
        assert kafka.servers
        assert store.bucket == "celstream"
        mounts = [Path(mount["mountPath"]) for mount in container["volumeMounts"]]
        for value in [*given.values(), *kafka.options.values()]:
            for path in re.findall(r"(?<![:/\w])/(?:etc/celstream|tmp)[\w./-]*", str(value)):
                assert any(Path(path).is_relative_to(mount) for mount in mounts), f"{service}: {path} is not mounted"


def test_certificates_are_asked_for_where_tls_is_on() -> None:
    given = {}
    for service in SERVICES:
        (container,) = find(objects("tls"), "Deployment", service)["spec"]["template"]["spec"]["containers"]
        given[service] = environment(container)
        assert "httpGet" in container["readinessProbe"], "the kubelet's gRPC probe knows no TLS"
        assert given[service]["CELSTREAM_GRPC_CLIENT_CA_FILE"] == "/etc/celstream/grpc/ca.crt"
        assert "CELSTREAM_GRPC_ALLOW_PLAINTEXT" not in given[service]
    assert given["segmenter"]["CELSTREAM_KAFKA_PASSWORD"] == "from celstream-kafka-segmenter/password"
    assert given["catalog"]["AWS_ACCESS_KEY_ID"] == "from celstream-s3-catalog/AWS_ACCESS_KEY_ID"
    assert "PGPASSWORD" not in given["segmenter"]


@pytest.mark.parametrize("scenario", [name for name in SCENARIOS if name != "tls"])
def test_readiness_is_asked_by_grpc(scenario: str) -> None:
    for service in SERVICES:
        (container,) = find(objects(scenario), "Deployment", service)["spec"]["template"]["spec"]["containers"]
        assert container["readinessProbe"]["grpc"] == {"port": 50051}
        assert container["livenessProbe"]["httpGet"]["path"] == "/livez", "a dependency away is no reason to restart"


@pytest.mark.parametrize("sets", [(), ("shutdown.drainSeconds=600", "shutdown.announceSeconds=0")])
def test_a_pod_has_more_time_than_a_transaction_and_its_own_end_take(sets: tuple[str, ...]) -> None:
    for service in SERVICES:
        pod = find(objects("external", *sets), "Deployment", service)["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        drain = float(environment(container)["CELSTREAM_DRAIN_SECONDS"])
        announced = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        assert drain > kafka_connection.TRANSACTION_SECONDS
        assert pod["terminationGracePeriodSeconds"] > drain + announced


def test_the_segmenters_memory_holds_the_processes_that_decode() -> None:
    for scenario in SCENARIOS:
        pod = find(objects(scenario), "Deployment", "segmenter")["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        given = environment(container)
        needed = int(given["CELSTREAM_PROCESSES"]) * int(given["CELSTREAM_DECODE_MEMORY_BYTES"])
        assert bytes_of(container["resources"]["limits"]["memory"]) > needed, scenario


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_service_has_all_that_belongs_to_it_and_selectors_find_its_pods(scenario: str) -> None:
    found = objects(scenario)
    services = [*SERVICES, *(["triton"] if scenario == "gpu" else [])]
    assert {one["metadata"]["name"].rpartition("-")[2] for one in of_kind(found, "Deployment")} == set(services)
    for service in services:
        labels = find(found, "Deployment", service)["spec"]["template"]["metadata"]["labels"]
        find(found, "ServiceAccount", service)
        assert selects(find(found, "Deployment", service)["spec"]["selector"], labels)
        assert selects(find(found, "PodDisruptionBudget", service)["spec"]["selector"], labels)
        assert selects(find(found, "NetworkPolicy", service)["spec"]["podSelector"], labels)
        assert selects({"matchLabels": find(found, "Service", service)["spec"]["selector"]}, labels)
        for monitor in of_kind(found, "PodMonitor"):
            assert selects(monitor["spec"]["selector"], labels)
            assert _has_port(find(found, "Deployment", service), monitor["spec"]["podMetricsEndpoints"][0]["port"])


def _has_port(deployment: Manifest, name: str) -> bool:
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    return name in {port["name"] for port in container["ports"]}


def test_triton_starts_once_its_models_are_there_and_anew_for_others() -> None:
    """It loads what it finds at its start, and nothing that comes later."""
    pods_of = [
        find(objects("gpu", *sets), "Deployment", "triton")["spec"]["template"]
        for sets in ((), ("segmenter.replicas=5",), ("triton.models.image=registry.example.org/models:2",))
    ]
    assert pods_of[0] == pods_of[1] != pods_of[2]
    (waiting,) = pods_of[0]["spec"]["initContainers"]
    (job,) = find(objects("gpu"), "Job", "models-1")["spec"]["template"]["spec"]["containers"]
    (told,) = re.findall(r"copied=/repository/(\S+)$", job["args"][-1], re.MULTILINE)
    assert f"-e /models/{told} ]" in waiting["command"][-1]
    unmanaged = find(objects("gpu", "triton.models.image="), "Deployment", "triton")["spec"]["template"]["spec"]
    assert "initContainers" not in unmanaged


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_nobody_may_do_anything_at_the_api(scenario: str) -> None:
    kinds = {one["kind"] for one in objects(scenario)}
    assert not kinds & {"Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"}


def test_a_cluster_that_assigns_users_is_not_told_one() -> None:
    for name, _, pod in pods(objects("air-gapped")):
        assert not {"runAsUser", "runAsGroup", "fsGroup"} & pod["securityContext"].keys(), name
        assert pod["imagePullSecrets"] == [{"name": "registry-login"}], name
        for container in containers(pod):
            assert container["image"].startswith("registry.example.org:5000/mirror/celstream/celstream-"), name
            assert container["image"].endswith(":0.1.0-company.3"), name


def test_every_image_is_one_that_is_built() -> None:
    dockerfile = (ROOT / "deploy" / "images" / "Dockerfile").read_text()
    stages = set(re.findall(r"^FROM \S+ AS (\S+)$", dockerfile, re.MULTILINE))
    for scenario in SCENARIOS:
        for name, _, pod in pods(objects(scenario)):
            for container in containers(pod):
                ours = re.search(r"celstream-(\w+):", container["image"])
                if "triton" not in name and "models" not in name:
                    assert ours, name
                    assert ours[1] in stages, f"{name}: no stage builds {container['image']}"
