"""The notes of a release: commands that fit what it was told of TLS and tokens, and what else people must know."""

import pytest

from tests.chart.rendered import CHART, NAMESPACE, RELEASE, helm, values_of

KUBECTL = f"kubectl --namespace {NAMESPACE}"
FORWARD = f"{KUBECTL} port-forward service/{RELEASE}-catalog 50051"
SUBMIT = "celstream submit film.mp4 --to localhost:50051"
NAMED = f"--ca-file ca.crt --server-name {RELEASE}-catalog"
CERTIFICATE = "--certificate-file tls.crt --key-file tls.key"
BY_TOKEN = ("grpc.mutual=false", "grpc.testClientSecret=")


def entry(secret: str, name: str) -> str:
    """The command that writes an entry of a secret into a file of its name."""
    form = "{{index .data %s | base64decode}}" % f'"{name}"'  # noqa: UP031 - braces of its own
    return f"{KUBECTL} get secret {secret} --output go-template='{form}' > {name}"


def private(command: str) -> str:
    """The same, so that nobody else may read the file."""
    return f"(umask 077; {command})"


CA = entry("celstream-grpc", "ca.crt")
OWN = [
    entry("celstream-test-client", "tls.crt"),
    private(entry("celstream-test-client", "tls.key")),
]


@pytest.mark.parametrize(
    ("scenario", "sets", "commands"),
    [
        ("external", (), [SUBMIT]),
        ("tls", (), [CA, *OWN, f"{SUBMIT} {NAMED} {CERTIFICATE}"]),
        ("tls", ("grpc.testClientSecret=",), [CA, f"{SUBMIT} {NAMED} {CERTIFICATE}"]),
        ("tls", BY_TOKEN, [CA, f"{SUBMIT} {NAMED} --token-file token"]),
        (
            "tls",
            (*BY_TOKEN, "grpc.testTokenSecret=mine"),
            [CA, private(entry("mine", "token")), f"{SUBMIT} {NAMED} --token-file token"],
        ),
    ],
)
def test_the_commands_are_those_that_the_release_needs(
    scenario: str, sets: tuple[str, ...], commands: list[str]
) -> None:
    said = notes(scenario, *sets)
    printed = [line.strip() for line in said.splitlines() if line.startswith("  ")]
    assert printed == [f"helm test {RELEASE} --namespace {NAMESPACE}", FORWARD, *commands[:-1],
                       f"{commands[-1]} --watch"]  # fmt: skip


def test_a_certificate_or_token_that_people_must_have_is_told_of() -> None:
    assert "tls.crt and tls.key are yours" in notes("tls", "grpc.testClientSecret=")
    assert "`token` holds yours" in notes("tls", *BY_TOKEN)
    assert "yours" not in notes("tls")


def test_what_is_not_encrypted_is_said() -> None:
    assert "gRPC is not encrypted" in notes("external")
    assert "gRPC is not encrypted" not in notes("tls")


def notes(scenario: str, *sets: str) -> str:
    """What an installation of a scenario would print."""
    given = [part for one in sets for part in ("--set", one)]
    nowhere = ("--namespace", NAMESPACE, "--dry-run=client", "--kubeconfig", "/dev/null")
    said = helm("install", RELEASE, CHART, *nowhere, "--values", values_of(scenario), *given)
    assert said.returncode == 0, said.stderr
    return said.stdout.partition("NOTES:\n")[2]
