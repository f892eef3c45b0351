"""The chart's scenario of TLS everywhere works, refuses who shows nothing, and tells no secret to anybody who reads."""

import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import kafka
import pytest
from celstream_platform import rpc
from celstream_platform.errors import Invalid, Unavailable
from celstream_protos.v1 import catalog_pb2, catalog_pb2_grpc
from minio import Minio
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import make_url
from urllib3 import PoolManager

from tests.certificates import Authority
from tests.chart.rendered import Manifest, objects
from tests.end_to_end.services import Service
from tests.real_servers import empty_database
from tests.secrecy.collector import collector
from tests.secrecy.looking import told
from tests.secrecy.scenario import Mounted, helm_test_script, serving, variables
from tests.secured_servers import USER, secured_kafka, secured_minio

pytestmark = pytest.mark.slow
WRONG = "not-the-password-of-anybody"
EXPIRY = "celstream_certificate_expiry_timestamp_seconds"
WAIT_SECONDS = 60.0  # at most


@dataclass
class Secured:
    """The scenario at work. secrets: name -> secret. broker: where the test may read without a login."""

    folder: Path
    mounted: Mounted
    rendered: tuple[Manifest, ...]
    services: dict[str, Service]
    secrets: dict[str, str]
    given: dict[str, str]
    broker: str
    traces: list[bytes]


@pytest.fixture(scope="module")
def secured(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    folder = tmp_path_factory.mktemp("secured")
    authority = Authority(folder / "authority")
    mounted = Mounted(folder / "mounted", authority)
    mounted.write()
    with ExitStack() as running:
        broker = running.enter_context(secured_kafka(folder / "kafka", authority))
        endpoint, login = running.enter_context(secured_minio(folder / "minio", authority))
        database = make_url(running.enter_context(empty_database(postgres_url)))
        trusting = PoolManager(ssl_context=ssl.create_default_context(cafile=str(authority.ca_file)))
        keys = (login["AWS_ACCESS_KEY_ID"], login["AWS_SECRET_ACCESS_KEY"])
        Minio(endpoint.removeprefix("https://"), *keys, http_client=trusting).make_bucket("celstream")
        traces_url, traces = running.enter_context(collector())
        rendered = objects(
            "tls",
            f"kafka.servers={{127.0.0.1:{broker['secured']}}}",
            f"s3.endpoint={endpoint}",
            "s3.style=path",
            f"postgres.host={database.host}",
            f"postgres.port={database.port}",
            f"postgres.database={database.database}",
            "postgres.sslMode=disable",  # the stack's PostgreSQL speaks no TLS
            f"traces.endpoint={traces_url}",
            "catalog.inbox.prefix=",
            "logs.level=debug",
            "test.footageSeconds=4",
        )
        given = {"username": USER, "password": broker[USER], **login}
        services = {}
        for name in ("segmenter", "catalog"):
            own = variables(rendered, name, mounted, given, folder)
            if "PGUSER" in own:
                own |= {"PGUSER": database.username or "", "PGPASSWORD": str(database.password)}
            services[name] = running.enter_context(serving(name, own, mounted))
        secrets = {
            "Kafka's password": broker[USER],
            "the store's key": login["AWS_SECRET_ACCESS_KEY"],
            "the database's password": str(database.password),
            "the token": mounted.token,
            "the services' key": private_part(mounted.folder / "grpc/tls.key"),
            "the client's key": private_part(mounted.folder / "client/tls.key"),
        }
        plain = f"127.0.0.1:{broker['port']}"
        yield Secured(folder, mounted, rendered, services, secrets, given, plain, traces)


@pytest.fixture(scope="module")
def taken(secured: Secured) -> subprocess.CompletedProcess[str]:
    """Helm's own test, at its end: footage has gone through all services."""
    script = helm_test_script(secured.rendered, secured.mounted, secured.services["catalog"].grpc, secured.folder)
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    here = {"PATH": path, "HOME": str(secured.folder)}
    return subprocess.run(["sh", "-ec", script], capture_output=True, text=True, env=here, check=False)


def private_part(key: Path) -> str:
    """A line of a private key."""
    return key.read_text().splitlines()[1]


def funnel(secured: Secured, tls: rpc.ClientTls, token_file: Path | None = None) -> catalog_pb2.Funnel:
    """A call for viewers."""
    with rpc.connect(secured.services["catalog"].grpc, tls=tls, token_file=token_file) as channel, rpc.errors():
        return catalog_pb2_grpc.CatalogStub(channel).GetFunnel(catalog_pb2.GetFunnelRequest())


def test_helms_own_test_shows_its_certificate_and_takes_footage_to_its_end(
    secured: Secured, taken: subprocess.CompletedProcess[str]
) -> None:
    assert taken.returncode == 0, taken.stdout + taken.stderr
    assert '"finished": true' in taken.stdout
    assert not told((taken.stdout + taken.stderr).encode(), secured.secrets)


def test_who_shows_no_certificate_is_not_heard(secured: Secured) -> None:
    with pytest.raises(Unavailable):
        funnel(secured, secured.mounted.tls(certificate=False))


def test_a_token_beside_the_certificate_is_taken_and_an_unknown_one_refused_without_being_told(
    secured: Secured,
) -> None:
    stranger = secured.mounted.authority.issue("stranger")  # a certificate that names no role
    tls = rpc.ClientTls(secured.mounted.authority.ca_file, *stranger)
    token = secured.folder / "token"
    token.write_text(secured.mounted.token)
    assert funnel(secured, tls, token).levels
    token.write_text(WRONG)
    with pytest.raises(Invalid) as caught:
        funnel(secured, tls, token)
    assert WRONG not in str(caught.value)


def test_a_service_that_is_refused_says_whom_but_not_by_which_password(secured: Secured) -> None:
    own = variables(secured.rendered, "segmenter", secured.mounted, secured.given, secured.folder)
    with Service("celstream_segmenter", "refused", own | {"CELSTREAM_KAFKA_PASSWORD": WRONG}) as service:
        said = service.heard("a dependency is away, waiting")
    assert USER in said["error"]
    assert not told("\n".join(service.lines()).encode(), secured.secrets | {"the wrong one": WRONG})


def test_of_every_certificate_it_is_told_when_it_ends(secured: Secured) -> None:
    """The stack's PostgreSQL has none."""
    of_all = {("grpc", "own"), ("grpc", "authority"), ("events", "authority"), ("artefacts", "authority")}
    expected = {"segmenter": of_all, "catalog": of_all | {("canary", "own"), ("test", "own")}}
    found: dict[str, set[tuple[str, str]]] = {}
    for name, service in secured.services.items():
        with urllib.request.urlopen(f"http://{service.metrics}/metrics", timeout=30) as answer:
            families = text_string_to_metric_families(answer.read().decode())
        ends = [one for family in families if family.name == EXPIRY for one in family.samples]
        assert all(0 < one.value - time.time() <= 3600 for one in ends)
        found[name] = {(one.labels["connection"], one.labels["use"]) for one in ends}
    assert found == expected


def test_no_log_metric_event_or_trace_tells_a_secret(secured: Secured, taken: subprocess.CompletedProcess[str]) -> None:
    assert taken.returncode == 0, taken.stdout + taken.stderr
    deadline = time.monotonic() + WAIT_SECONDS
    while b"celstream-segmenter" not in (traces := b"".join(secured.traces)):  # they are sent every few seconds
        assert time.monotonic() < deadline, "the segmenter sent no traces"
        time.sleep(0.1)
    read: dict[str, bytes] = {"traces": traces, "events": events(secured.broker)}
    for name, service in secured.services.items():
        with urllib.request.urlopen(f"http://{service.metrics}/metrics", timeout=30) as answer:
            read[f"metrics of {name}"] = answer.read()
        read[f"log of {name}"] = "\n".join(service.lines()).encode()
    for name, word in {"events": b"celstream-test", "log of catalog": b'"serving"'}.items():
        assert word in read[name], f"{name} were not read"
    assert {name: found for name, content in read.items() if (found := told(content, secured.secrets))} == {}


def events(broker: str) -> bytes:
    """Keys, values and headers of all events of all topics of ours."""
    reader = kafka.KafkaConsumer(bootstrap_servers=broker, auto_offset_reset="earliest", group_id=None)
    try:
        names = [name for name in reader.topics() if name.startswith("celstream")]
        places = [kafka.TopicPartition(name, one) for name in names for one in reader.partitions_for_topic(name)]
        reader.assign(places)
        ends, found = reader.end_offsets(places), []
        while any(reader.position(place) < ends[place] for place in places):
            for records in reader.poll(timeout_ms=1000).values():
                for record in records:
                    found += [record.key or b"", record.value or b"", *(part for _, part in record.headers)]
        return b"\n".join(found)
    finally:
        reader.close()
