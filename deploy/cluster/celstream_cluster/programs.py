"""What a node is made of, built from Go modules: each module folder in `go/` pins its programs and all below them.

Built once per content of a module folder, into the cache that all stacks share. Go checks what it downloads by go.sum.
"""

import hashlib
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

from celstream_stack import commands
from celstream_stack.places import cache, locked

ADVICE = "Install Go 1.24 or newer (its packages come from the configured module proxy)."
KUBERNETES = "1.36.3"
CONTAINERD = "2.2.0"
COREDNS = "1.14.7"
KEDA = "2.21.0"
METRICS_SERVER = "0.9.0"
SIDE_BY_SIDE = "2"  # compilers at once: a Kubernetes takes 2 GiB with two, and the machine may have other work
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Module:
    """Programs of one module folder: name -> package. variables: what the linker writes into them.

    manifests: (module, folder in it) that say how a cluster runs them, kept beside them.
    """

    packages: Mapping[str, str]
    variables: Mapping[str, str] = field(default_factory=dict)
    tags: str = ""
    manifests: tuple[str, str] | None = None


MODULES = {
    "pause": Module({"pause": "."}),
    "cni": Module(
        {
            "bridge": "github.com/containernetworking/plugins/plugins/main/bridge",
            "host-local": "github.com/containernetworking/plugins/plugins/ipam/host-local",
            "loopback": "github.com/containernetworking/plugins/plugins/main/loopback",
            "portmap": "github.com/containernetworking/plugins/plugins/meta/portmap",
        }
    ),
    "containerd": Module(
        {name: f"github.com/containerd/containerd/v2/cmd/{name}" for name in ("containerd", "ctr")}
        | {"containerd-shim-runc-v2": "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2"},
        {"github.com/containerd/containerd/v2/version.Version": CONTAINERD},
        tags="no_btrfs,no_devmapper,no_zfs",
    ),
    "kubernetes": Module(
        {
            name: f"k8s.io/kubernetes/cmd/{name}"
            for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy")
        }
        | {"etcd": "go.etcd.io/etcd/server/v3"},
        {
            "k8s.io/component-base/version.gitVersion": f"v{KUBERNETES}",
            "k8s.io/component-base/version.gitMajor": KUBERNETES.split(".")[0],
            "k8s.io/component-base/version.gitMinor": KUBERNETES.split(".")[1],
        },
    ),
    "coredns": Module({"coredns": "github.com/coredns/coredns"}),
    "metrics-server": Module(
        {"metrics-server": "sigs.k8s.io/metrics-server/cmd/metrics-server"},
        manifests=("sigs.k8s.io/metrics-server", "manifests"),
    ),
    "keda": Module(
        {f"keda-{name}": f"github.com/kedacore/keda/v2/cmd/{name}" for name in ("operator", "adapter")},
        manifests=("github.com/kedacore/keda/v2", "config"),
    ),
}


def build(say: Say) -> None:
    """Build what is missing; a line per program. Raises StackError."""
    with locked(cache() / "go.lock"):
        for name, module in MODULES.items():
            for program, package in module.packages.items():
                if not path(program).exists():
                    begun = time.monotonic()
                    _build(name, module, program, package)
                    say(f"{program}: built in {time.monotonic() - begun:.0f} s")
            if module.manifests and not manifests(name).exists():
                _keep_manifests(name, *module.manifests)


def built() -> bool:
    """Whether all programs are there."""
    return all(path(program).exists() for module in MODULES.values() for program in module.packages)


def path(program: str) -> Path:
    """Where a program lies once it is built."""
    (name,) = [name for name, module in MODULES.items() if program in module.packages]
    return home(name) / program


def home(name: str) -> Path:
    """The folder of a module's programs, named by all that decides what they are."""
    module = MODULES[name]
    decides = hashlib.sha256(repr((sorted(module.variables.items()), module.tags)).encode())
    for file in _files(name):
        decides.update(file.read_bytes())
    return cache() / f"go-{name}-{decides.hexdigest()[:12]}"


def manifests(name: str) -> Path:
    """Where a module's own manifests are kept."""
    return home(name) / "manifests"


def _keep_manifests(name: str, module: str, inside: str) -> None:
    go = commands.need("go", name, ADVICE)
    with _folder(name) as folder:
        commands.run(name, [go, "mod", "download", module], log=_log(name), cwd=folder)
        said = commands.run(name, [go, "list", "-m", "-f", "{{.Dir}}", module], log=_log(name), cwd=folder)
    unfinished = home(name) / "manifests.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    shutil.copytree(Path(said.strip()) / inside, unfinished, copy_function=shutil.copyfile)
    unfinished.rename(manifests(name))


def _build(name: str, module: Module, program: str, package: str) -> None:
    go = commands.need("go", program, ADVICE)
    variables = " ".join(f"-X {variable}={value}" for variable, value in module.variables.items())
    unfinished = home(name) / f"{program}.building"
    options = ["-p", SIDE_BY_SIDE, "-trimpath", "-tags", module.tags, "-ldflags", f"-s -w {variables}"]
    command: list[str | Path] = [go, "build", *options, "-o", unfinished, package]
    home(name).mkdir(parents=True, exist_ok=True)
    with _folder(name) as folder:
        commands.run(program, command, log=_log(name), env={"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly"}, cwd=folder)
    unfinished.replace(home(name) / program)


def _log(name: str) -> Path:
    return cache() / f"go-{name}.log"


def _folder(name: str) -> AbstractContextManager[Path]:
    return resources.as_file(resources.files("celstream_cluster").joinpath("go", name))


def _files(name: str) -> Iterator[Path]:
    with _folder(name) as folder:
        yield from sorted(file for file in folder.iterdir() if file.is_file())
