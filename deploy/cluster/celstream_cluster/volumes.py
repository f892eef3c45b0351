"""The node's volumes: folders of the machine, of the kind whose use the kubelet measures, and claims that have them.

The claims are there before a release: pods that came before theirs was bound would be scheduled in vain at first.
https://kubernetes.io/docs/concepts/storage/volumes/#local
"""

from pathlib import Path

from celstream_cluster import places
from celstream_cluster.kubectl import Kubectl, Manifest

MODELS = "celstream-models"
SIZE = "1Gi"  # what the claim asks for; how much it gets is what the machine's disk has
BOUND = "--timeout=60s"


def make(state: Path, namespace: str) -> None:
    """Make volume and claim; harmless when done again. Raises StackError."""
    folder = state / "volumes" / MODELS
    folder.mkdir(parents=True, exist_ok=True)
    kubectl = Kubectl(places.kubeconfig(state))
    kubectl("apply", "--server-side", "--filename", "-", given=[_volume(folder, namespace), _claim(namespace)])
    bound = "--for=jsonpath={.status.phase}=Bound"
    kubectl("--namespace", namespace, "wait", bound, f"persistentvolumeclaim/{MODELS}", BOUND)


def _volume(folder: Path, namespace: str) -> Manifest:
    here = {"key": "kubernetes.io/hostname", "operator": "In", "values": [places.NODE]}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": MODELS},
        "spec": {
            "storageClassName": "",
            "capacity": {"storage": SIZE},
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain",
            "claimRef": {"namespace": namespace, "name": MODELS},
            "local": {"path": str(folder)},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}},
        },
    }


def _claim(namespace: str) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": MODELS, "namespace": namespace},
        "spec": {
            "storageClassName": "",
            "volumeName": MODELS,
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": SIZE}},
        },
    }
