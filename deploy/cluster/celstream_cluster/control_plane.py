"""The control plane as processes: etcd, API server, controllers, scheduler; how each is started."""

import json
import ssl
from pathlib import Path

from celstream_stack.server import Launch

from celstream_cluster import certificates, places, programs

ETCD = f"https://{places.LOOPBACK}:2379"
ETCD_PEER = f"https://{places.LOOPBACK}:2380"
PRIVATE_FILE = 0o600


def certificates_folder(state: Path) -> Path:
    """Where the node's authority lies."""
    return state / "certificates"


def server_certificate(state: Path) -> Path:
    """What the API server shows, with the authority that it makes for itself."""
    return state / "serving" / "apiserver.crt"


def etcd(state: Path) -> Launch:
    """The store. It holds all Secrets: who shows no certificate is not answered. A power cut may lose it."""
    folder = certificates_folder(state)
    authority, _ = certificates.files(folder, "ca")
    certificate, key = certificates.files(folder, "etcd")
    return _launch(
        "etcd",
        data_dir=state / "etcd-data",
        unsafe_no_fsync=True,
        listen_client_urls=ETCD,
        advertise_client_urls=ETCD,
        listen_peer_urls=ETCD_PEER,
        initial_advertise_peer_urls=ETCD_PEER,
        initial_cluster=f"default={ETCD_PEER}",
        cert_file=certificate,
        key_file=key,
        trusted_ca_file=authority,
        client_cert_auth=True,
        peer_cert_file=certificate,
        peer_key_file=key,
        peer_trusted_ca_file=authority,
        peer_client_cert_auth=True,
        log_level="warn",
    )


def to_etcd(state: Path) -> ssl.SSLContext:
    """What a client of the store is known by. Raises OSError where the node has made no certificates."""
    folder = certificates_folder(state)
    context = ssl.create_default_context(cafile=certificates.files(folder, "ca")[0])
    context.load_cert_chain(*certificates.files(folder, "etcd-client"))
    return context


def api_server(state: Path) -> Launch:
    """The API server, on the bridge's address, which pods and this machine reach alike."""
    folder = certificates_folder(state)
    to_etcd_certificate, to_etcd_key = certificates.files(folder, "etcd-client")
    tokens = folder / "tokens.csv"
    tokens.touch(PRIVATE_FILE)
    tokens.write_text(f"{certificates.administrator(folder)},admin,admin,system:masters\n")
    return _launch(
        "kube-apiserver",
        etcd_servers=ETCD,
        etcd_cafile=folder / "ca.crt",
        etcd_certfile=to_etcd_certificate,
        etcd_keyfile=to_etcd_key,
        bind_address=places.HOST,
        advertise_address=places.HOST,
        secure_port=places.API_PORT,
        cert_dir=server_certificate(state).parent,
        service_cluster_ip_range=places.SERVICES,
        service_account_key_file=folder / "accounts.pub",
        service_account_signing_key_file=folder / "accounts.key",
        service_account_issuer=f"https://kubernetes.default.svc.{places.DOMAIN}",
        token_auth_file=tokens,
        authorization_mode="RBAC",
        allow_privileged=True,
        kubelet_preferred_address_types="InternalIP",
        kubelet_client_certificate=folder / "kubelet-client.crt",
        kubelet_client_key=folder / "kubelet-client.key",
        enable_aggregator_routing=True,
        requestheader_client_ca_file=folder / "ca.crt",
        requestheader_username_headers="X-Remote-User",
        requestheader_group_headers="X-Remote-Group",
        requestheader_extra_headers_prefix="X-Remote-Extra-",
        proxy_client_cert_file=folder / "front-proxy.crt",
        proxy_client_key_file=folder / "front-proxy.key",
    )


def controllers(state: Path) -> Launch:
    """The controllers; autoscalers look more often than in a large cluster, so that a test sees them act."""
    return _launch(
        "kube-controller-manager",
        kubeconfig=places.kubeconfig(state),
        service_account_private_key_file=certificates_folder(state) / "accounts.key",
        root_ca_file=server_certificate(state),
        use_service_account_credentials=True,
        bind_address=places.LOOPBACK,
        cert_dir=state / "controllers",
        leader_elect=False,
        authentication_skip_lookup=True,
        horizontal_pod_autoscaler_sync_period="2s",
        horizontal_pod_autoscaler_downscale_stabilization="10s",
    )


def scheduler(state: Path) -> Launch:
    """The scheduler."""
    return _launch(
        "kube-scheduler",
        kubeconfig=places.kubeconfig(state),
        bind_address=places.LOOPBACK,
        cert_dir=state / "scheduler",
        leader_elect=False,
        authentication_skip_lookup=True,
    )


def write_kubeconfig(state: Path) -> None:
    """Say how the API server is reached as the cluster's administrator; readable by the node's owner alone."""
    token = certificates.administrator(certificates_folder(state))
    server = f"https://{places.HOST}:{places.API_PORT}"
    cluster = {"server": server, "certificate-authority": str(server_certificate(state))}
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "celstream", "cluster": cluster}],
        "users": [{"name": "admin", "user": {"token": token}}],
        "contexts": [{"name": "celstream", "context": {"cluster": "celstream", "user": "admin"}}],
        "current-context": "celstream",
    }
    file = places.kubeconfig(state)
    file.touch(PRIVATE_FILE)
    file.write_text(json.dumps(content, indent=1))


def _launch(program: str, **options: object) -> Launch:
    given = [f"--{name.replace('_', '-')}={_text(value)}" for name, value in options.items()]
    return Launch([str(programs.path(program)), *given])


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
