"""The rules of scaling, read from the rendered chart, with what Kubernetes and KEDA fill in where it says nothing.

Defaults: Kubernetes 1.36, `pkg/apis/autoscaling/v2/defaults.go` (policies) and
`pkg/controller/podautoscaler/config/v1alpha1/defaults.go` (the controller); KEDA 2.21, `ScaledObject` and the scaler
`kafka`, https://keda.sh/docs/2.21/scalers/apache-kafka/.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import yaml

from tests.chart.rendered import RELEASE, Manifest, find, template, values_of

SYNC_SECONDS = 15.0  # --horizontal-pod-autoscaler-sync-period
TOLERANCE = 0.1  # --horizontal-pod-autoscaler-tolerance
CPU_INITIALIZATION_SECONDS = 300.0  # --horizontal-pod-autoscaler-cpu-initialization-period
DOWN_WINDOW_SECONDS = 300.0  # --horizontal-pod-autoscaler-downscale-stabilization
POLLING_SECONDS = 30.0  # ScaledObject.spec.pollingInterval
COOLDOWN_SECONDS = 300.0  # ScaledObject.spec.cooldownPeriod
LAG_THRESHOLD = 10  # of the scaler


@dataclass(frozen=True, slots=True)
class Policy:
    """How far the number of pods may go within a period. kind: `Pods` or `Percent` of what was there at its begin."""

    kind: str
    value: int
    period_seconds: float


@dataclass(frozen=True, slots=True)
class Direction:
    """Scaling up, or down. window_seconds: of earlier recommendations that hold it back. select: Max, Min, Disabled."""

    window_seconds: float
    policies: tuple[Policy, ...]
    select: str = "Max"


UP = Direction(0.0, (Policy("Pods", 4, 15.0), Policy("Percent", 100, 15.0)))
DOWN = Direction(DOWN_WINDOW_SECONDS, (Policy("Percent", 100, 15.0),))


@dataclass(frozen=True, slots=True)
class ByLag:
    """KEDA's part: the metric, and the way from 0 pods and back."""

    per_pod: int
    activation: int
    idle_consumers: bool
    only_with_lag: bool
    polling_seconds: float
    cooldown_seconds: float


@dataclass(frozen=True, slots=True)
class ByProcessorTime:
    """The HPA's own metric. percent: aimed at, of the processors that a pod asks for."""

    percent: int
    processors_asked_for: float


@dataclass(frozen=True, slots=True)
class Ending:
    """How a pod ends: it works on while that is announced, and then finishes what it has at hand if time allows."""

    announce_seconds: float
    finish_seconds: float
    grace_seconds: float


@dataclass(frozen=True, slots=True)
class Rules:
    """All that decides on a number of pods. least: of KEDA may be 0, which the HPA that it makes never is."""

    least: int
    most: int
    up: Direction
    down: Direction
    metric: ByLag | ByProcessorTime
    ending: Ending
    processes: int

    @property
    def least_of_hpa(self) -> int:
        """Fewest pods by the HPA."""
        return max(1, self.least)

    def with_most(self, most: int) -> "Rules":
        """The same rules with another number of pods at most."""
        return replace(self, most=most)


def rendered(kind: str, *sets: str, scenario: str = "external") -> Rules:
    """The segmenter's rules, as Helm renders the chart. kind: `keda` or `hpa`; sets: further values."""
    wanted = (f"segmenter.autoscaling.kind={kind}", *sets)
    given = [part for one in wanted for part in ("--set", one)]
    said = template("--values", values_of(scenario), *given)
    assert said.returncode == 0, said.stderr
    objects = [one for one in yaml.load_all(said.stdout, Loader=yaml.CSafeLoader) if one]
    deployment = find(objects, "Deployment", "segmenter")
    if kind == "keda":
        scaler = find(objects, "ScaledObject", "segmenter")["spec"]
        behavior = scaler.get("advanced", {}).get("horizontalPodAutoscalerConfig", {}).get("behavior", {})
        least, most = scaler.get("minReplicaCount", 0), scaler.get("maxReplicaCount", 100)
        metric: ByLag | ByProcessorTime = _by_lag(scaler)
    else:
        scaler = find(objects, "HorizontalPodAutoscaler", "segmenter")["spec"]
        behavior = scaler.get("behavior", {})
        least, most = scaler.get("minReplicas", 1), scaler["maxReplicas"]
        metric = _by_processor_time(scaler, deployment)
    assert scaler["scaleTargetRef"]["name"] == f"{RELEASE}-segmenter"
    up, down = _direction(behavior.get("scaleUp"), UP), _direction(behavior.get("scaleDown"), DOWN)
    return Rules(least, most, up, down, metric, _ending(deployment), int(_variables(deployment)["CELSTREAM_PROCESSES"]))


def _by_lag(scaler: Manifest) -> ByLag:
    (trigger,) = scaler["triggers"]
    given = trigger["metadata"]
    return ByLag(
        per_pod=int(given.get("lagThreshold", LAG_THRESHOLD)),
        activation=int(given.get("activationLagThreshold", 0)),
        idle_consumers=given.get("allowIdleConsumers") == "true",
        only_with_lag=given.get("limitToPartitionsWithLag") == "true",
        polling_seconds=float(scaler.get("pollingInterval", POLLING_SECONDS)),
        cooldown_seconds=float(scaler.get("cooldownPeriod", COOLDOWN_SECONDS)),
    )


def _by_processor_time(scaler: Manifest, deployment: Manifest) -> ByProcessorTime:
    (metric,) = scaler["metrics"]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    asked = container["resources"]["requests"]["cpu"]
    processors = float(asked[:-1]) / 1000 if str(asked).endswith("m") else float(asked)
    return ByProcessorTime(metric["resource"]["target"]["averageUtilization"], processors)


def _direction(given: Mapping[str, Any] | None, default: Direction) -> Direction:
    """What is given, and the default for each part that is not."""
    given = given or {}
    policies = [Policy(one["type"], one["value"], float(one["periodSeconds"])) for one in given.get("policies", ())]
    return Direction(
        float(given.get("stabilizationWindowSeconds", default.window_seconds)),
        tuple(policies) or default.policies,
        given.get("selectPolicy", default.select),
    )


def _ending(deployment: Manifest) -> Ending:
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    announce = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
    finish = float(_variables(deployment)["CELSTREAM_FINISH_SECONDS"])
    return Ending(float(announce), finish, float(pod["terminationGracePeriodSeconds"]))


def _variables(deployment: Manifest) -> dict[str, str]:
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    return {one["name"]: one["value"] for one in container["env"] if "value" in one}
