"""An image that holds programs which need nothing else, written without an engine: as `docker save` would.

https://github.com/moby/docker-image-spec/blob/main/spec.md
"""

import hashlib
import io
import json
import tarfile
from collections.abc import Iterable
from pathlib import Path

NOBODY = 65532


def write(name: str, programs: Iterable[Path], target: Path) -> None:
    """Write the archive of an image. name: with tag. programs: files that lie in `/`; the first is what it runs."""
    files = list(programs)
    layer = _tar([(file.name, file.read_bytes(), 0o755) for file in files])
    digest = hashlib.sha256(layer).hexdigest()
    configuration = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"User": f"{NOBODY}:{NOBODY}", "Entrypoint": [f"/{files[0].name}"], "WorkingDir": "/"},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
        }
    ).encode()
    config_name = f"{hashlib.sha256(configuration).hexdigest()}.json"
    manifest = json.dumps([{"Config": config_name, "RepoTags": [name], "Layers": [f"{digest}.tar"]}]).encode()
    parts = [(config_name, configuration, 0o644), (f"{digest}.tar", layer, 0o644), ("manifest.json", manifest, 0o644)]
    target.write_bytes(_tar(parts))


def _tar(files: Iterable[tuple[str, bytes, int]]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, content, mode in files:
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), mode
            tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()
