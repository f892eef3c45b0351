"""The NetworkPolicies, evaluated: each pod reaches what it needs and nothing else, and is reached likewise."""

import pytest

from tests.chart.rendered import (
    RELEASE,
    SCENARIOS,
    Manifest,
    environment,
    find,
    objects,
    of_kind,
    pods,
    selects,
    template,
    values_of,
)

pytestmark = pytest.mark.slow
DNS, TRACES = {(53, "UDP"), (53, "TCP")}, {(4317, "TCP")}
OWN = {"app.kubernetes.io/name": "celstream", "app.kubernetes.io/instance": RELEASE}
OTHER_RELEASE = OWN | {"app.kubernetes.io/instance": "another"}
PORTS = {  # scenario -> (Kafka, store, database)
    "external": ({(9092, "TCP")}, {(9000, "TCP")}, {(5432, "TCP")}),
    "tls": ({(9093, "TCP")}, {(443, "TCP")}, {(5432, "TCP")}),
    "operators": ({(9093, "TCP")}, {(9000, "TCP")}, {(5432, "TCP")}),
    "air-gapped": ({(9092, "TCP")}, {(443, "TCP")}, {(5432, "TCP")}),
}


def reached(policy: Manifest) -> set[tuple[int, str]]:
    """(port, protocol) that a policy lets its pods reach, anywhere."""
    found = set()
    for rule in policy["spec"]["egress"]:
        assert "to" not in rule
        assert rule["ports"], "a rule without ports lets everything through"
        found |= {(port["port"], port["protocol"]) for port in rule["ports"]}
    return found


def may_call(policy: Manifest, port: str, labels: dict[str, str], *, same_namespace: bool) -> bool:
    """Whether a pod with these labels may call that port."""
    for rule in policy["spec"]["ingress"]:
        if port not in {one["port"] for one in rule["ports"]}:
            continue
        if "from" not in rule:
            return True
        for peer in rule["from"]:
            here = peer.get("namespaceSelector") == {} if "namespaceSelector" in peer else same_namespace
            if here and selects(peer.get("podSelector", {}), labels):
                return True
    return False


@pytest.mark.parametrize("scenario", PORTS)
def test_services_reach_what_they_need_and_nothing_else(scenario: str) -> None:
    found = objects(scenario)
    kafka, store, database = PORTS[scenario]
    traces = TRACES if scenario == "tls" else set()
    assert reached(find(found, "NetworkPolicy", "segmenter")) == DNS | kafka | store | traces
    assert reached(find(found, "NetworkPolicy", "catalog")) == DNS | kafka | store | database | traces
    assert reached(find(found, "NetworkPolicy", "setup")) == DNS | kafka | store | database


@pytest.mark.parametrize(("models", "port"), [("", 8001), ("triton://models.example.org:9001?priority=2", 9001)])
def test_a_segmenter_that_asks_a_model_server_reaches_it(models: str, port: int) -> None:
    kafka, store, _ = PORTS["external"]
    found = objects("gpu", f"segmenter.settings.models={models}")
    assert reached(find(found, "NetworkPolicy", "segmenter")) == DNS | kafka | store | {(port, "TCP")}
    (container,) = find(found, "Deployment", "segmenter")["spec"]["template"]["spec"]["containers"]
    said = environment(container)
    assert said["CELSTREAM_MODELS"] == (models or f"triton://{RELEASE}-triton:8001")
    assert said["CELSTREAM_SECOND_OPINION"] == "transnetv2"
    segmenter = next(labels for name, labels, _ in pods(found) if name == f"Deployment {RELEASE}-segmenter")
    assert may_call(find(found, "NetworkPolicy", "triton"), "grpc", segmenter, same_namespace=True)


def test_a_second_opinion_without_a_model_server_is_refused() -> None:
    said = template("--values", values_of("external"), "--set", "segmenter.settings.secondOpinion=transnetv2")
    assert said.returncode != 0
    assert "there is no model server. Set triton.enabled" in said.stderr


def test_the_garbage_collector_reaches_store_and_events_alone() -> None:
    kafka, store, _ = PORTS["tls"]
    policy = find(objects("tls"), "NetworkPolicy", "garbage")
    assert reached(policy) == DNS | kafka | store
    assert policy["spec"]["ingress"] == []


def test_canaries_reach_the_catalogs_calls_alone_and_nobody_reaches_them() -> None:
    found = objects("tls")
    policy = find(found, "NetworkPolicy", "canary")["spec"]
    assert policy["ingress"] == []
    anywhere, catalog = policy["egress"]
    assert {(port["port"], port["protocol"]) for port in anywhere["ports"]} == DNS
    assert "to" not in anywhere
    pods_of = {name: (labels, pod) for name, labels, pod in pods(found)}
    labels, pod = pods_of[f"Deployment {RELEASE}-catalog"]
    (peer,) = catalog["to"]
    assert selects(peer["podSelector"], labels)
    assert [name for name, (labels, _) in pods_of.items() if selects(peer["podSelector"], labels)] == [
        f"Deployment {RELEASE}-catalog"
    ]
    (grpc,) = [port["containerPort"] for port in pod["containers"][0]["ports"] if port["name"] == "grpc"]
    assert [(port["port"], port["protocol"]) for port in catalog["ports"]] == [(grpc, "TCP")]
    canary, _ = pods_of[f"CronJob {RELEASE}-canary"]
    assert may_call(find(found, "NetworkPolicy", "catalog"), "grpc", canary, same_namespace=True)


def test_triton_reaches_nobody() -> None:
    assert reached(find(objects("gpu"), "NetworkPolicy", "triton")) == set()


@pytest.mark.parametrize("service", ["segmenter", "catalog"])
def test_calls_come_from_the_release_alone_and_scrapes_from_anywhere(service: str) -> None:
    policy = find(objects("external"), "NetworkPolicy", service)
    assert may_call(policy, "grpc", OWN, same_namespace=True)
    assert not may_call(policy, "grpc", OWN, same_namespace=False)
    assert not may_call(policy, "grpc", OTHER_RELEASE, same_namespace=True)
    assert may_call(policy, "metrics", {}, same_namespace=False)
    assert not may_call(policy, "debug", OWN, same_namespace=True)


def test_a_catalog_behind_a_load_balancer_is_called_from_outside() -> None:
    assert may_call(find(objects("air-gapped"), "NetworkPolicy", "catalog"), "grpc", {}, same_namespace=False)
    assert not may_call(find(objects("air-gapped"), "NetworkPolicy", "segmenter"), "grpc", {}, same_namespace=False)


def test_who_scrapes_can_be_named() -> None:
    policy = find(objects("tls"), "NetworkPolicy", "catalog")
    (rule,) = [one for one in policy["spec"]["ingress"] if one["ports"][0]["port"] == "metrics"]
    assert rule["from"] == [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_ports_of_policies_are_ports_of_the_pods(scenario: str) -> None:
    found = objects(scenario)
    for policy in of_kind(found, "NetworkPolicy"):
        assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
        named = {port["port"] for rule in policy["spec"]["ingress"] for port in rule["ports"]}
        chosen = [pod for _, labels, pod in pods(found) if selects(policy["spec"]["podSelector"], labels)]
        assert chosen, policy["metadata"]["name"]
        for pod in chosen:
            ports = {port["name"] for container in pod["containers"] for port in container.get("ports", [])}
            assert named <= ports
