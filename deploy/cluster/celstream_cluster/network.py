"""The node's traces in the kernel: its bridge, the way through the packet filter, values of the kernel; and none later.

What kubelet, kube-proxy and the network's plugins leave in the packet filter is known by the names of its chains.
"""

import json
import re
import subprocess
import time
from pathlib import Path

from celstream_stack import commands
from celstream_stack.errors import StackError

from celstream_cluster import packages, places

ADVICE = "Install iproute2 (Debian: apt-get install iproute2)."
FAMILIES = ("iptables", "ip6tables")
OURS = re.compile(rf"\b(KUBE|CNI)-|\b{places.BRIDGE}\b")
NEEDED = {"net/ipv4/ip_forward": "1", "net/bridge/bridge-nf-call-iptables": "1"}
CHANGED = (  # by kubelet and kube-proxy
    *NEEDED,
    "kernel/keys/root_maxbytes",
    "kernel/keys/root_maxkeys",
    "kernel/panic",
    "kernel/panic_on_oops",
    "net/ipv4/conf/all/route_localnet",
    "net/netfilter/nf_conntrack_max",
    "net/netfilter/nf_conntrack_tcp_be_liberal",
    "net/netfilter/nf_conntrack_tcp_timeout_close_wait",
    "net/netfilter/nf_conntrack_tcp_timeout_established",
    "vm/overcommit_memory",
)
KERNEL = Path("/proc/sys")
GONE_SECONDS = 30.0


def up(state: Path) -> None:
    """Make the bridge. Raises StackError."""
    remembered = state / "kernel.json"
    if not remembered.exists():
        remembered.write_text(json.dumps(kernel_values(), indent=1))
    if not _exists(places.BRIDGE):
        _ip("link", "add", places.BRIDGE, "type", "bridge")
        _ip("address", "add", f"{places.HOST}/{places.PODS.partition('/')[2]}", "dev", places.BRIDGE)
        _ip("link", "set", places.BRIDGE, "up")
    for name, value in NEEDED.items():
        if not (KERNEL / name).exists():
            raise StackError(f"cluster: the kernel has no {name}. Load the module br_netfilter.")
        (KERNEL / name).write_text(value)
    for direction in ("-i", "-o"):
        rule = ("FORWARD", direction, places.BRIDGE, "-j", "ACCEPT")
        if _filter("iptables", "-C", *rule).returncode != 0:
            _checked(_filter("iptables", "-I", *rule))


def down(state: Path) -> None:
    """Remove the bridge, what hangs on it, all rules of ours; give the kernel its values back. Raises StackError."""
    for link in links_of_pods():
        if _exists(link):  # it goes with its name space, which may be quicker
            subprocess.run(["ip", "link", "delete", link], check=False, capture_output=True)
    if _exists(places.BRIDGE):
        _ip("link", "delete", places.BRIDGE)
    for family in FAMILIES:
        saved = _filter(f"{family}-save", "-c").stdout
        kept = "".join(line for line in saved.splitlines(keepends=True) if not OURS.search(line))
        if kept != saved:
            _checked(_filter(f"{family}-restore", "-c", given=kept))
    remembered = state / "kernel.json"
    if remembered.exists():
        for name, value in json.loads(remembered.read_text()).items():
            if (KERNEL / name).read_text().strip() != value:
                (KERNEL / name).write_text(value)
    _wait_until_gone()


def kernel_values() -> dict[str, str]:
    """What the kernel has now of all that a node changes."""
    return {name: (KERNEL / name).read_text().strip() for name in CHANGED if (KERNEL / name).exists()}


def links_of_pods() -> list[str]:
    """The interfaces that hang on the bridge."""
    folder = Path("/sys/class/net") / places.BRIDGE / "brif"
    return sorted(link.name for link in folder.iterdir()) if folder.is_dir() else []


def _exists(link: str) -> bool:
    return (Path("/sys/class/net") / link).exists()


def _wait_until_gone() -> None:
    deadline = time.monotonic() + GONE_SECONDS
    while _exists(places.BRIDGE):
        if time.monotonic() > deadline:
            raise StackError(f"cluster: {places.BRIDGE} does not go. Look at `ip link`.")
        time.sleep(0.1)


def _ip(*arguments: str) -> None:
    tool = commands.need("ip", "cluster", ADVICE)
    _checked(subprocess.run([tool, *arguments], capture_output=True, text=True, check=False))


def _filter(program: str, *arguments: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [packages.program(program), *arguments],
        input=given,
        capture_output=True,
        text=True,
        check=False,
        env=packages.variables(),
    )


def _checked(said: subprocess.CompletedProcess[str]) -> None:
    if said.returncode != 0:
        raise StackError(f"cluster: {' '.join(map(str, said.args))} failed ({said.stderr.strip()}).")
