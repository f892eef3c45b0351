"""Scaling: by the group's own lag, never past the partitions, and never against a number in the Deployment."""

import pytest
from celstream_platform.topics import FOOTAGE
from celstream_segmenter.stage import NAME, SegmenterStage

from tests.chart.rendered import SCENARIOS, environment, find, objects, of_kind, template, values_of

pytestmark = pytest.mark.slow
AUTOSCALERS = ("ScaledObject", "HorizontalPodAutoscaler")


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_only_what_nothing_scales_has_a_number_of_pods(scenario: str) -> None:
    """Helm's server-side apply would fight the autoscaler over it at the next upgrade, and lose."""
    found = objects(scenario)
    scaled = [one["spec"]["scaleTargetRef"]["name"] for kind in AUTOSCALERS for one in of_kind(found, kind)]
    for deployment in of_kind(found, "Deployment"):
        assert ("replicas" in deployment["spec"]) != (deployment["metadata"]["name"] in scaled)
    assert set(scaled) <= {deployment["metadata"]["name"] for deployment in of_kind(found, "Deployment")}
    assert len(scaled) == len(set(scaled))


@pytest.mark.parametrize("scenario", ["tls", "gpu", "operators"])
def test_the_segmenter_is_scaled_by_the_lag_of_its_own_group(scenario: str) -> None:
    scaler = find(objects(scenario), "ScaledObject", "segmenter")["spec"]
    (trigger,) = scaler["triggers"]
    assert trigger["metadata"]["consumerGroup"] == NAME
    assert trigger["metadata"]["topic"] == SegmenterStage.consumes.name == FOOTAGE.name
    assert trigger["metadata"]["offsetResetPolicy"] == "earliest", "footage from before the first worker counts"
    assert int(trigger["metadata"]["activationLagThreshold"]) == 0
    assert scaler["maxReplicaCount"] <= FOOTAGE.partitions


def test_more_pods_than_partitions_are_refused() -> None:
    said = template("--values", values_of("gpu"), "--set", f"segmenter.autoscaling.max={FOOTAGE.partitions + 1}")
    assert said.returncode != 0
    assert "segmenter" in said.stderr


@pytest.mark.parametrize("scenario", ["tls", "operators"])
def test_the_scaler_speaks_to_the_brokers_as_the_segmenter_does(scenario: str) -> None:
    found = objects(scenario)
    (container,) = find(found, "Deployment", "segmenter")["spec"]["template"]["spec"]["containers"]
    metadata = find(found, "ScaledObject", "segmenter")["spec"]["triggers"][0]["metadata"]
    assert f"kafka://{metadata['bootstrapServers']}?" in environment(container)["CELSTREAM_EVENTS"]
    assert (metadata["tls"], metadata["sasl"]) == ("enable", "scram_sha512")
    login = find(found, "TriggerAuthentication", "segmenter")["spec"]
    assert {one["name"] for one in login["env"]} <= environment(container).keys()
    assert {one["containerName"] for one in login["env"]} == {container["name"]}
    volumes = find(found, "Deployment", "segmenter")["spec"]["template"]["spec"]["volumes"]
    (ca,) = [volume["secret"]["secretName"] for volume in volumes if volume["name"] == "kafka-ca"]
    assert login["secretTargetRef"] == [{"parameter": "ca", "name": ca, "key": "ca.crt"}]


def test_processor_time_scales_where_there_is_no_keda() -> None:
    scaler = find(objects("quotas"), "HorizontalPodAutoscaler", "segmenter")["spec"]
    (metric,) = scaler["metrics"]
    assert metric["resource"]["name"] == "cpu"
    (container,) = find(objects("quotas"), "Deployment", "segmenter")["spec"]["template"]["spec"]["containers"]
    assert container["resources"]["requests"]["cpu"], "per cent of what, else?"


def test_triton_is_scaled_on_the_time_in_its_queue() -> None:
    (trigger,) = find(objects("gpu"), "ScaledObject", "triton")["spec"]["triggers"]
    assert "nv_inference_queue_duration_us" in trigger["metadata"]["query"]
    assert trigger["metricType"] == "Value", "a mean is not shared out among pods"
    (container,) = find(objects("gpu"), "Deployment", "triton")["spec"]["template"]["spec"]["containers"]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == 1


def test_what_serves_goes_before_what_works_off_a_queue() -> None:
    found = objects("tls")
    (serving, batch) = [find(found, "PriorityClass", name) for name in ("serving", "batch")]
    assert serving["value"] > batch["value"]
    assert batch["preemptionPolicy"] == "Never"
    used = {
        one["metadata"]["name"].rpartition("-")[2]: one["spec"]["template"]["spec"]["priorityClassName"]
        for one in of_kind(found, "Deployment")
    }
    assert used == {"segmenter": batch["metadata"]["name"], "catalog": serving["metadata"]["name"]}
