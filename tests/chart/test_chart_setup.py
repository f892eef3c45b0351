"""Setup and test: before the services where the servers are there already, beside them where they come along."""

import pytest
from celstream.commands import app
from typer.testing import CliRunner

from tests.chart.rendered import RELEASE, SCENARIOS, environment, find, objects, of_kind

pytestmark = pytest.mark.slow
HOOK = "helm.sh/hook"


@pytest.mark.parametrize("scenario", [name for name in SCENARIOS if name != "operators"])
def test_setup_comes_first_where_the_servers_are_there(scenario: str) -> None:
    found = objects(scenario)
    job = find(found, "Job", "setup-1")
    assert job["metadata"]["annotations"][HOOK] == "pre-install,pre-upgrade"
    for kind in ("ServiceAccount", "NetworkPolicy"):
        annotations = find(found, kind, "setup")["metadata"]["annotations"]
        assert annotations[HOOK] == job["metadata"]["annotations"][HOOK]
        assert int(annotations["helm.sh/hook-weight"]) < int(job["metadata"]["annotations"]["helm.sh/hook-weight"])


def test_setup_comes_along_with_servers_that_come_along() -> None:
    assert HOOK not in find(objects("operators"), "Job", "setup-1")["metadata"].get("annotations", {})


def test_each_step_knows_its_own_server_alone() -> None:
    containers = {
        one["name"]: one for one in find(objects("tls"), "Job", "setup-1")["spec"]["template"]["spec"]["containers"]
    }
    assert containers.keys() == {"topics", "tables", "bucket"}
    assert all(one["command"][-1] == name for name, one in containers.items())
    known = {
        name: {key for key in environment(one) if key.startswith("CELSTREAM_")} for name, one in containers.items()
    }
    assert known["tables"] == {"CELSTREAM_DATABASE"}
    assert known["bucket"] == {"CELSTREAM_ARTEFACTS"}
    assert "CELSTREAM_EVENTS" in known["topics"]
    assert environment(containers["topics"])["CELSTREAM_KAFKA_PASSWORD"] == "from celstream-kafka-admin/password"


def test_a_bucket_of_somebody_else_is_left_alone() -> None:
    containers = find(objects("air-gapped"), "Job", "setup-1")["spec"]["template"]["spec"]["containers"]
    assert {one["name"] for one in containers} == {"topics", "tables"}


@pytest.mark.parametrize("scenario", [name for name in SCENARIOS if name != "tls"])
def test_the_releases_own_test_submits_footage_and_waits_for_its_end(scenario: str) -> None:
    pod = find(objects(scenario), "Pod", "test-footage")
    assert pod["metadata"]["annotations"][HOOK] == "test"
    (script,) = pod["spec"]["containers"][0]["args"]
    assert f"--to {RELEASE}-catalog:50051 --watch" in script
    assert find(objects(scenario), "Service", "catalog")["spec"]["ports"][0]["port"] == 50051


def test_what_operators_run_is_kept_when_the_release_goes() -> None:
    found = objects("operators")
    (kafka,) = of_kind(found, "Kafka")
    assert kafka["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    (pool,) = of_kind(found, "KafkaNodePool")
    assert pool["metadata"]["labels"]["strimzi.io/cluster"] == kafka["metadata"]["name"]
    (user,) = of_kind(found, "KafkaUser")
    (container,) = find(found, "Deployment", "segmenter")["spec"]["template"]["spec"]["containers"]
    assert environment(container)["CELSTREAM_KAFKA_USERNAME"] == user["metadata"]["name"]
    assert environment(container)["CELSTREAM_KAFKA_PASSWORD"] == f"from {user['metadata']['name']}/password"


def test_the_garbage_collector_is_the_command_that_there_is() -> None:
    job = find(objects("tls"), "CronJob", "garbage")["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = job["containers"]
    help_of_it = CliRunner().invoke(app, [*container["args"][:2], "--help"], terminal_width=200).output
    assert all(option in help_of_it for option in container["args"] if option.startswith("--"))
    assert environment(container)["AWS_ACCESS_KEY_ID"] == "from celstream-s3-garbage/AWS_ACCESS_KEY_ID"
    assert {"CELSTREAM_EVENTS", "CELSTREAM_ARTEFACTS"} <= environment(container).keys()


def test_the_canary_is_the_command_that_there_is_and_each_has_a_name_of_its_own() -> None:
    job = find(objects("tls"), "CronJob", "canary")["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = job["containers"]
    help_of_it = CliRunner().invoke(app, [container["args"][0], "--help"], terminal_width=200).output
    options = dict(one.partition("=")[::2] for one in container["args"][1:])
    assert all(option in help_of_it for option in options)
    assert options["--to"] == f"{RELEASE}-catalog:50051"
    assert environment(container)["CELSTREAM_CANARY_NAME"] == "from metadata.labels['batch.kubernetes.io/job-name']"
    mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
    volumes = {volume["name"]: volume.get("secret", {}).get("secretName") for volume in job["volumes"]}
    secrets = {
        option: volumes[mounts[path.rpartition("/")[0]]] for option, path in options.items() if "-file" in option
    }
    assert secrets == {
        "--ca-file": "celstream-grpc",
        "--certificate-file": "celstream-canary-certificate",
        "--key-file": "celstream-canary-certificate",
        "--token-file": "celstream-canary-token",
    }


@pytest.mark.parametrize(
    ("minutes", "schedule"), [(15, "*/15 * * * *"), (60, "0 */1 * * *"), (180, "0 */3 * * *"), (720, "0 */12 * * *")]
)
def test_the_catalog_knows_how_often_a_canary_is_expected(minutes: int, schedule: str) -> None:
    found = objects("operators", f"canary.everyMinutes={minutes}")
    assert find(found, "CronJob", "canary")["spec"]["schedule"] == schedule
    (container,) = find(found, "Deployment", "catalog")["spec"]["template"]["spec"]["containers"]
    assert environment(container)["CELSTREAM_CANARY_PERIOD_SECONDS"] == str(60 * minutes)
    assert environment(container)["CELSTREAM_CANARY_KEEP_DAYS"] == "7"


def test_without_canaries_none_is_expected() -> None:
    found = objects("external")
    assert [one["metadata"]["name"] for one in found if "canary" in one["metadata"]["name"]] == []
    (container,) = find(found, "Deployment", "catalog")["spec"]["template"]["spec"]["containers"]
    assert "CELSTREAM_CANARY_PERIOD_SECONDS" not in environment(container)
