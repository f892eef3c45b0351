"""A release's life at the API server: installed, upgraded to every kind of scaling, rolled back, gone without trace."""

from collections.abc import Iterator

import pytest

from tests.chart.rendered import CHART, values_of
from tests.cluster.cluster import Cluster

pytestmark = pytest.mark.cluster
RELEASE = "lot"  # another than that of the other tests: what they made is not its own
KINDS = (
    "deployments,services,serviceaccounts,poddisruptionbudgets,networkpolicies,horizontalpodautoscalers,"
    "scaledobjects,triggerauthentications,configmaps,jobs,cronjobs,podmonitors,prometheusrules"
)


@pytest.fixture
def release(cluster: Cluster) -> Iterator[Cluster]:
    """The chart, installed; hooks are left out, which need nodes to run on."""
    given = ["--values", values_of("external")]
    cluster.helm("install", RELEASE, CHART, "--no-hooks", *given)
    yield cluster
    cluster.helm("uninstall", RELEASE, "--no-hooks", "--ignore-not-found")


def upgrade(cluster: Cluster, *sets: str) -> None:
    """Upgrade with values beside those of the scenario."""
    given = [part for one in sets for part in ("--set", one)]
    cluster.helm("upgrade", RELEASE, CHART, "--no-hooks", "--values", values_of("external"), *given)


def test_a_number_of_pods_that_an_autoscaler_chose_survives_an_upgrade(release: Cluster) -> None:
    """The chart writes none where something scales, so that two do not fight over it."""
    upgrade(release, "segmenter.autoscaling.kind=hpa")
    release.kubectl("scale", f"deployment/{RELEASE}-segmenter", "--replicas=7")
    upgrade(release, "segmenter.autoscaling.kind=hpa", "logs.level=debug")
    assert release.object(f"deployment/{RELEASE}-segmenter")["spec"]["replicas"] == 7


def test_a_release_goes_through_every_kind_of_scaling_and_back(release: Cluster) -> None:
    first = release.names(KINDS)
    for kind, made in (("keda", "scaledobject.keda.sh"), ("hpa", "horizontalpodautoscaler.autoscaling")):
        upgrade(release, f"segmenter.autoscaling.kind={kind}")
        assert f"{made}/{RELEASE}-segmenter" in release.names(KINDS)
    release.helm("rollback", RELEASE, "1", "--no-hooks")
    assert release.names(KINDS) == first
    assert release.object(f"deployment/{RELEASE}-segmenter")["spec"]["replicas"] == 2


def test_nothing_is_left_of_a_release(release: Cluster) -> None:
    upgrade(release, "monitoring.dashboards=true", "monitoring.rules=true", "monitoring.podMonitor=true")
    release.helm("uninstall", RELEASE, "--no-hooks")
    assert {name for name in release.names(KINDS) if f"/{RELEASE}-" in name} == set()
    assert "secret/sh.helm.release" not in " ".join(release.names("secrets"))
