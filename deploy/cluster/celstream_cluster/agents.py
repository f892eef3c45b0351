"""What makes a machine a node: containerd, kubelet, kube-proxy; what each reads at its start, and how it is started."""

import json
from collections.abc import Mapping
from pathlib import Path

from celstream_stack.server import Launch

from celstream_cluster import control_plane, packages, places, programs

PAUSE = "localhost/celstream-node/pause:1"
NETWORK = "celstream"
CGROUPS = "/celstream"  # all pods are in cgroups below it, and nothing else is

# Without restrict_oom_score_adj runc dies where the node itself may not lower the score of others.
CONTAINERD = """version = 3
root = "{state}/containerd-root"
state = "{state}/containerd-state"
[grpc]
  address = "{socket}"
[plugins.'io.containerd.cri.v1.images']
  snapshotter = "overlayfs"
  [plugins.'io.containerd.cri.v1.images'.pinned_images]
    sandbox = "{pause}"
[plugins.'io.containerd.cri.v1.runtime']
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins.'io.containerd.cri.v1.runtime'.cni]
    bin_dirs = ["{plugins}"]
    conf_dir = "{state}/cni"
  [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
      BinaryName = "{runc}"
      SystemdCgroup = false
"""


def containerd(state: Path) -> Launch:
    """The container runtime, and the network that it gives pods."""
    configuration = state / "containerd.toml"
    socket, plugins = places.containerd_socket(state), programs.home("cni")
    configuration.write_text(
        CONTAINERD.format(state=state, socket=socket, pause=PAUSE, plugins=plugins, runc=packages.program("runc"))
    )
    addresses = {"subnet": places.PODS, "gateway": places.HOST, "rangeStart": places.FIRST_POD}
    bridge = {
        "type": "bridge",
        "bridge": places.BRIDGE,
        "isGateway": True,
        "isDefaultGateway": True,
        "ipMasq": True,
        "hairpinMode": True,
        "ipam": {"type": "host-local", "dataDir": str(state / "addresses"), "ranges": [[addresses]]},
    }
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    (state / "cni").mkdir(exist_ok=True)
    _write(
        state / "cni" / "10-celstream.conflist", {"cniVersion": "1.0.0", "name": NETWORK, "plugins": [bridge, ports]}
    )
    own = str(programs.home("containerd"))
    return Launch([str(programs.path("containerd")), "-c", str(configuration)], _variables(own))


def kubelet(state: Path) -> Launch:
    """The node's agent. Who asks it is asked who he is, and the API server whether he may."""
    (state / "resolv.conf").write_text(
        f"nameserver {places.LOOPBACK}\n"
    )  # pods find what the cluster knows, and no more
    configuration = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": places.HOST,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(control_plane.certificates_folder(state) / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": CGROUPS,
        "failCgroupV1": False,
        "failSwapOn": False,
        "containerRuntimeEndpoint": f"unix://{places.containerd_socket(state)}",
        "clusterDNS": [places.DNS],
        "clusterDomain": places.DOMAIN,
        "enforceNodeAllocatable": [],
        "localStorageCapacityIsolation": True,  # what it takes to measure disks and volumes
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "imageGCHighThresholdPercent": 100,
        "podLogsDir": str(state / "pod-logs"),
        "volumePluginDir": str(state / "volume-plugins"),
        "resolvConf": str(state / "resolv.conf"),
    }
    _write(state / "kubelet.json", configuration)
    options = {
        "config": state / "kubelet.json",
        "kubeconfig": places.kubeconfig(state),
        "hostname-override": places.NODE,
        "node-ip": places.HOST,
        "root-dir": state / "kubelet",
        "cert-dir": state / "kubelet-certificates",
        "containerd": places.containerd_socket(state),  # whom it asks whose processor time it counts
    }
    return Launch(_command("kubelet", options), _variables(str(programs.home("containerd"))))


def kube_proxy(state: Path) -> Launch:
    """Services, by rules of iptables."""
    options = {
        "kubeconfig": places.kubeconfig(state),
        "hostname-override": places.NODE,
        "proxy-mode": "iptables",
        "cluster-cidr": places.PODS,
        "bind-address": places.HOST,
        "healthz-bind-address": f"{places.LOOPBACK}:10256",
        "metrics-bind-address": f"{places.LOOPBACK}:10249",
        "iptables-localhost-nodeports": "false",
        "conntrack-max-per-core": 0,
        "conntrack-tcp-timeout-established": 0,
        "conntrack-tcp-timeout-close-wait": 0,
    }
    return Launch(_command("kube-proxy", options), _variables())


def _command(program: str, options: Mapping[str, object]) -> list[str]:
    return [str(programs.path(program)), *(f"--{name}={value}" for name, value in options.items())]


def _variables(*folders: str) -> dict[str, str]:
    """Their own programs come first on the path: another containerd of the machine is not the node's."""
    found = packages.variables()
    return found | {"PATH": ":".join([*folders, found["PATH"]])}


def _write(file: Path, content: Mapping[str, object]) -> None:
    file.write_text(json.dumps(content, indent=1))
