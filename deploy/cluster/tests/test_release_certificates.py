"""The certificates of a node's release, verified as others verify them, and read as the services read them."""

from typing import Any

import pytest
from celstream_cluster import release_certificates
from celstream_platform.rpc.identity import Caller, of_certificate
from celstream_platform.rpc.methods import Role
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

NAMES = ("celstream-catalog", "celstream-segmenter.films", "celstream-catalog.films.svc.cluster.local")


@pytest.fixture(scope="module")
def held() -> dict[str, dict[str, str]]:
    made = release_certificates.secrets("films", ["celstream-catalog", "celstream-segmenter"])
    return {secret["metadata"]["name"]: secret["stringData"] for secret in made}


def certificate(held: dict[str, dict[str, str]], name: str, entry: str = "tls.crt") -> x509.Certificate:
    return x509.load_pem_x509_certificate(held[name][entry].encode())


def trusting(held: dict[str, dict[str, str]]) -> PolicyBuilder:
    return PolicyBuilder().store(Store([certificate(held, release_certificates.SERVICES, "ca.crt")]))


@pytest.mark.parametrize("name", NAMES)
def test_the_services_certificate_is_good_for_each_of_their_names(held: dict[str, Any], name: str) -> None:
    shown = certificate(held, release_certificates.SERVICES)
    trusting(held).build_server_verifier(x509.DNSName(name)).verify(shown, [])
    with pytest.raises(VerificationError):
        trusting(held).build_server_verifier(x509.DNSName(f"another-{name}")).verify(shown, [])


def test_each_caller_is_known_by_its_role(held: dict[str, Any]) -> None:
    for name, role in {release_certificates.TEST_CLIENT: Role.ADMIN, release_certificates.CANARY: Role.SERVICE}.items():
        shown = certificate(held, name)
        trusting(held).build_client_verifier().verify(shown, [])
        uris = shown.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = [uri.encode() for uri in uris.get_values_for_type(x509.UniformResourceIdentifier)]
        said = {"x509_subject_alternative_name": names, "x509_common_name": [name.encode()]}
        assert of_certificate(said) == Caller(name, frozenset({role}))


def test_keys_are_those_of_their_certificates_and_the_authoritys_own_is_nowhere(held: dict[str, Any]) -> None:
    authority = certificate(held, release_certificates.SERVICES, "ca.crt").public_key()
    for name, secret in held.items():
        key = load_pem_private_key(secret["tls.key"].encode(), None).public_key()
        assert key == certificate(held, name).public_key()
        assert key != authority
        assert set(secret) == {"tls.crt", "tls.key", "ca.crt"}
