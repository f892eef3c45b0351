"""The node's etcd holds all Secrets, and every user of the machine reaches it: it answers the node's own alone."""

import base64
import json
import ssl
import urllib.request
from http.client import BadStatusLine
from pathlib import Path

import pytest
from celstream_cluster import control_plane, places
from celstream_stack.stack import Stack

from tests.certificates import Authority
from tests.cluster.cluster import Cluster

pytestmark = pytest.mark.cluster
ANSWER_SECONDS = 30


def names(url: str, tls: ssl.SSLContext | None = None) -> list[str]:
    """The Secrets that it tells of, each as `/registry/secrets/NAMESPACE/NAME`; by its gateway, as JSON."""
    first, after = (base64.b64encode(key).decode() for key in (b"/registry/secrets/", b"/registry/secrets0"))
    asked = json.dumps({"key": first, "range_end": after, "keys_only": True}).encode()
    with urllib.request.urlopen(f"{url}/v3/kv/range", asked, ANSWER_SECONDS, context=tls) as answer:
        return [base64.b64decode(one["key"]).decode() for one in json.load(answer)["kvs"]]


def trusting() -> ssl.SSLContext:
    """A stranger, who takes whatever certificate he is shown."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@pytest.mark.parametrize("url", [control_plane.ETCD, control_plane.ETCD_PEER])
def test_etcd_answers_nobody_who_shows_no_certificate_of_the_node(
    release: Cluster, own_servers: Stack, tmp_path: Path, url: str
) -> None:
    """own_servers: the node is this machine's. url: of clients, and of what a second etcd would call."""
    stranger = trusting()
    stranger.load_cert_chain(*Authority(tmp_path / "ca").issue("apiserver-etcd-client"))
    for address, tls in ((url.replace("https", "http"), None), (url, trusting()), (url, stranger)):
        with pytest.raises((OSError, BadStatusLine)):
            names(address, tls)


def test_it_tells_the_api_server_of_all_secrets(release: Cluster, own_servers: Stack) -> None:
    """The proof that the question is one that it answers."""
    told = names(control_plane.ETCD, control_plane.to_etcd(places.default_state()))
    assert any(name.startswith(f"/registry/secrets/{release.namespace}/") for name in told)
