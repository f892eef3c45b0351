"""Mutual TLS of the release: an authority's certificate, and what it signs for services and callers, in Secrets alone.

Keys are made in memory and go to the API server; the authority's own is kept nowhere, so nobody can sign more with it.
"""

import datetime
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from celstream_cluster import places
from celstream_cluster.kubectl import Kubectl, Manifest

SERVICES = "celstream-grpc"
TEST_CLIENT = "celstream-test-client"
CANARY = "celstream-canary-certificate"
CLIENTS = {TEST_CLIENT: "admin", CANARY: "service"}  # secret -> role of who shows it
ROLE_URI = "urn:celstream:role:"
DAYS = 90  # longer than alerts look ahead
SIGNING = x509.KeyUsage(
    key_cert_sign=True,
    crl_sign=True,
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    encipher_only=False,
    decipher_only=False,
)
AUTHORITY = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "celstream-node release")])


def make(state: Path, namespace: str, services: Sequence[str]) -> None:
    """Make the secrets of a namespace, unless they are there. services: names of Services. Raises StackError."""
    kubectl = Kubectl(places.kubeconfig(state))
    if not kubectl.succeeds("--namespace", namespace, "get", "secret", *CLIENTS, SERVICES):
        kubectl("apply", "--server-side", "--filename", "-", given=secrets(namespace, services))


def secrets(namespace: str, services: Sequence[str]) -> list[Manifest]:
    """Secrets that hold `tls.crt`, `tls.key` and `ca.crt`, each as cert-manager would write it."""
    authority = ec.generate_private_key(ec.SECP256R1())
    of_authority = (
        _builder(AUTHORITY, authority.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(SIGNING, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(authority.public_key()), critical=False)
        .sign(authority, hashes.SHA256())
    )

    def secret(name: str, usage: x509.ObjectIdentifier, names: Sequence[x509.GeneralName]) -> Manifest:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = (
            _builder(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), key.public_key())
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()), critical=False)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .sign(authority, hashes.SHA256())
        )
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "kubernetes.io/tls",
            "metadata": {"name": name, "namespace": namespace},
            "stringData": {"tls.crt": _pem(certificate), "tls.key": _pem_of_key(key), "ca.crt": _pem(of_authority)},
        }

    endings = ("", f".{namespace}", f".{namespace}.svc", f".{namespace}.svc.{places.DOMAIN}")
    addresses = [x509.DNSName(f"{service}{ending}") for service in services for ending in endings]
    return [
        secret(SERVICES, ExtendedKeyUsageOID.SERVER_AUTH, addresses),
        *(
            secret(name, ExtendedKeyUsageOID.CLIENT_AUTH, [x509.UniformResourceIdentifier(f"{ROLE_URI}{role}")])
            for name, role in CLIENTS.items()
        ),
    ]


def _builder(subject: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(AUTHORITY)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=DAYS))
    )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _pem_of_key(key: ec.EllipticCurvePrivateKey) -> str:
    plain = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain).decode()
