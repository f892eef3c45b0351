"""What a node takes from Debian: an engine that builds images, runc, iptables, debootstrap; unpacked into the cache."""

import hashlib
import os
import shutil
from pathlib import Path

from celstream_stack import debian
from celstream_stack.places import cache, locked

ADVICE = "Use Debian 12, or name a cluster by KUBECONFIG."
PACKAGES = (
    "containerd",  # of the engine; the node's own is newer
    "debootstrap",
    "docker.io",
    "iptables",
    "libdevmapper1.02.1",
    "libip4tc2",
    "libip6tc2",
    "libjansson4",
    "libmnl0",
    "libnetfilter-conntrack3",
    "libnfnetlink0",
    "libnftables1",
    "libnftnl11",
    "libseccomp2",
    "libxtables12",
    "runc",
)
XTABLES = ("iptables", "iptables-restore", "iptables-save", "ip6tables", "ip6tables-restore", "ip6tables-save")


def install() -> Path:
    """The folder of the unpacked packages, filled where it is not. Raises StackError."""
    found = home()
    with locked(cache() / "debian.lock"):
        if not (found / "complete").exists():
            shutil.rmtree(found, ignore_errors=True)
            found.mkdir(parents=True)
            log = cache() / "debian-install.log"
            packages = debian.download("cluster", PACKAGES, found, advice=ADVICE, log=log)
            debian.unpack("cluster", packages, found, advice=ADVICE, log=log)
            for name in XTABLES:  # installed, they would be Debian's alternatives
                (found / "usr" / "sbin" / name).symlink_to("xtables-nft-multi")
            (found / "complete").touch()
    return found


def home() -> Path:
    """Where they lie."""
    return cache() / f"debian-{hashlib.sha256(repr(PACKAGES).encode()).hexdigest()[:12]}"


def program(name: str) -> Path:
    """One of their programs."""
    (found,) = [path for path in _folders() if (path / name).exists()][:1]
    return found / name


def variables() -> dict[str, str]:
    """What a process needs to run them and to find their libraries."""
    libraries = home() / "usr" / "lib" / "x86_64-linux-gnu"
    ours = ":".join(str(path) for path in _folders())
    return {
        "PATH": f"{ours}:{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin",
        "LD_LIBRARY_PATH": f"{libraries}:{home() / 'lib' / 'x86_64-linux-gnu'}",
        "XTABLES_LIBDIR": str(libraries / "xtables"),
        "DEBOOTSTRAP_DIR": str(home() / "usr" / "share" / "debootstrap"),
    }


def _folders() -> list[Path]:
    return [home() / "usr" / "sbin", home() / "usr" / "bin", home() / "sbin", home() / "bin"]
