"""What a cluster said, kept when it is taken away after a failure: logs of its processes and pods, pods and events."""

import shutil
from pathlib import Path

from celstream_stack.errors import StackError
from celstream_stack.places import cache

from celstream_cluster import places
from celstream_cluster.kubectl import Kubectl

LOGS = ("run/*/log", "servers/*/log", "engine/log", "engine/*.log", "*.log", "pod-logs/*/*/*.log")
ASKED = {
    "pods": ("get", "pods", "--all-namespaces", "--output", "wide"),
    "events": ("get", "events", "--all-namespaces", "--sort-by", ".lastTimestamp"),
    "described": ("describe", "pods", "--all-namespaces"),
}


def keep(state: Path) -> Path:
    """Copy it all into a folder of the cache, in the place of what was kept before; the folder."""
    kept = cache() / f"{state.name}-failed"
    shutil.rmtree(kept, ignore_errors=True)
    for pattern in LOGS:
        for file in state.glob(pattern):
            target = kept / file.relative_to(state)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
    kept.mkdir(parents=True, exist_ok=True)
    for name, question in ASKED.items():
        try:
            said = Kubectl(places.kubeconfig(state))(*question, "--request-timeout=20s")
        except StackError as error:
            said = str(error)
        (kept / f"{name}.txt").write_text(said)
    return kept
