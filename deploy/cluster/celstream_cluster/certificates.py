"""A node's authority and what it signs: by which the API server shows itself to kubelets and to aggregated servers."""

import secrets
from pathlib import Path

from celstream_stack import commands

ADVICE = "Install OpenSSL 3 (Debian: apt-get install openssl)."
EC = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "365")
SECRET_FILE = 0o600
CLIENTS = {"front-proxy": "/CN=front-proxy-client", "kubelet-client": "/O=system:masters/CN=apiserver-kubelet-client"}


def make(folder: Path) -> None:
    """Make what is missing: `ca`, a client's certificate per name of CLIENTS, the key of the service accounts."""
    openssl = commands.need("openssl", "cluster", ADVICE)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if (folder / "complete").exists():
        return
    log = folder / "log"

    def run(*arguments: str | Path) -> None:
        commands.run("cluster", [openssl, *arguments], log=log)

    authority = folder / "ca.crt"
    ca_key = folder / "ca.key"
    run("req", "-x509", *EC, "-subj", "/CN=celstream-node", "-keyout", ca_key, "-out", authority)
    for name, subject in CLIENTS.items():
        made = ("-keyout", folder / f"{name}.key", "-out", folder / f"{name}.crt")
        signed = ("-CA", authority, "-CAkey", ca_key, "-addext", "basicConstraints=critical,CA:FALSE")
        usage = ("-addext", "extendedKeyUsage=clientAuth")
        run("req", "-x509", *EC, "-subj", subject, *signed, *usage, *made)
    run("genrsa", "-out", folder / "accounts.key", "2048")
    run("rsa", "-in", folder / "accounts.key", "-pubout", "-out", folder / "accounts.pub")
    (folder / "complete").touch()


def administrator(folder: Path) -> str:
    """The administrator's token, drawn once."""
    file = folder / "token"
    if not file.exists():
        file.touch(SECRET_FILE)
        file.write_text(secrets.token_hex(32))
    return file.read_text()
