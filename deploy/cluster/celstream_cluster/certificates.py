"""A node's authority and what it signs: by which the API server and those behind it, etcd among them, know each other.

`openssl req` writes a certificate when its key is written: where a certificate is, its key is there too.
"""

import secrets
from pathlib import Path

from celstream_stack import commands

from celstream_cluster import places

ADVICE = "Install OpenSSL 3 (Debian: apt-get install openssl)."
EC = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "365")
SECRET_FILE = 0o600
CLIENT = ("extendedKeyUsage=clientAuth",)
# The store's gateway calls the store as a client, with the certificate that it shows as a server.
BOTH = ("extendedKeyUsage=serverAuth,clientAuth", f"subjectAltName=IP:{places.LOOPBACK}")
SIGNED = {  # name -> (subject, extensions)
    "front-proxy": ("/CN=front-proxy-client", CLIENT),
    "kubelet-client": ("/O=system:masters/CN=apiserver-kubelet-client", CLIENT),
    "etcd": ("/CN=etcd", BOTH),
    "etcd-client": ("/CN=apiserver-etcd-client", CLIENT),
}


def make(folder: Path) -> None:
    """Make what is missing: `ca`, a certificate per name of SIGNED, the key of the service accounts."""
    openssl = commands.need("openssl", "cluster", ADVICE)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    log = folder / "log"

    def run(*arguments: str | Path) -> None:
        commands.run("cluster", [openssl, *arguments], log=log)

    authority, ca_key = files(folder, "ca")
    if not authority.exists():
        own = ("-subj", "/CN=celstream-node", "-addext", "keyUsage=critical,keyCertSign,cRLSign")
        run("req", "-x509", *EC, *own, "-keyout", ca_key, "-out", authority)
    signed = ("-CA", authority, "-CAkey", ca_key, "-addext", "basicConstraints=critical,CA:FALSE")
    for name, (subject, extensions) in SIGNED.items():
        certificate, key = files(folder, name)
        if not certificate.exists():
            added = [part for one in extensions for part in ("-addext", one)]
            run("req", "-x509", *EC, "-subj", subject, *signed, *added, "-keyout", key, "-out", certificate)
    if not (folder / "accounts.pub").exists():
        run("genrsa", "-out", folder / "accounts.key", "2048")
        run("rsa", "-in", folder / "accounts.key", "-pubout", "-out", folder / "accounts.pub")


def files(folder: Path, name: str) -> tuple[Path, Path]:
    """A certificate, and its key."""
    return folder / f"{name}.crt", folder / f"{name}.key"


def administrator(folder: Path) -> str:
    """The administrator's token, drawn once."""
    file = folder / "token"
    if not file.exists():
        file.touch(SECRET_FILE)
        file.write_text(secrets.token_hex(32))
    return file.read_text()
