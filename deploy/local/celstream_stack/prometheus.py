"""Prometheus: from Debian's package, unpacked beside the other servers, needing no rights to install.

The sum beside the version says whether the machine's package archive gave the right thing. What is scraped is in files
of a folder (targets.py): who comes and goes needs no restart.
"""

import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path

from celstream_stack import debian
from celstream_stack.asking import says_ready
from celstream_stack.errors import StackError
from celstream_stack.places import locked
from celstream_stack.ports import LOOPBACK, free_port
from celstream_stack.server import Launch
from celstream_stack.targets import FOLDER

VERSION = "2.42.0"
PACKAGE = "2.42.0+ds-5+deb12u1"  # Debian's number for it
SUMS = {
    "amd64": "81d59a24fce84f7fbe97a45a4f2914b6a5881b5cd1db2a6a0e129e515e1a5f55",
    "arm64": "ca131aa102390083398afbc80be9c8dd1dda78f9f92154fc00df8f7f1f4556e9",
}
ADVICE = "Use Debian 12 on x86_64 or aarch64, or start the other servers without it."
KEPT = "7d"  # a development machine's past

CONFIGURATION = """global:
  scrape_interval: 2s
  evaluation_interval: 2s
scrape_configs:
  - job_name: prometheus
    static_configs:
      - targets: ["{host}:{port}"]
  - job_name: celstream
    file_sd_configs:
      - files: ["{targets}/*.json"]
"""


class Prometheus:
    """See `Server`."""

    name = "prometheus"

    def install(self, cache: Path) -> Path:
        """See `Server`."""
        home = cache / f"prometheus-{PACKAGE}"
        with locked(cache / "prometheus.lock"):
            if not (home / "complete").exists():
                shutil.rmtree(home, ignore_errors=True)
                home.mkdir(parents=True)
                self._download(home, cache / "prometheus-install.log")
                (home / "complete").touch()
        return home

    def _download(self, home: Path, log: Path) -> None:
        (package,) = debian.download(self.name, [f"prometheus={PACKAGE}"], home, advice=ADVICE, log=log)
        check_sum(package)
        debian.unpack(self.name, [package], home / "unpacked", advice=ADVICE, log=log)
        for name in ("prometheus", "promtool"):
            (home / "unpacked" / "usr" / "bin" / name).replace(home / name)
        shutil.rmtree(home / "unpacked")

    def new_settings(self) -> dict[str, str]:
        """See `Server`."""
        return {"host": LOOPBACK, "port": str(free_port())}

    def prepare(self, home: Path, state: Path, settings: Mapping[str, str]) -> Launch:
        """See `Server`."""
        targets = state.parent / FOLDER
        targets.mkdir(exist_ok=True)  # it watches no folder that is made later
        configuration = state / "prometheus.yml"
        configuration.write_text(CONFIGURATION.format(targets=targets, **settings))
        command = [
            str(home / "prometheus"),
            f"--config.file={configuration}",
            f"--storage.tsdb.path={state / 'data'}",
            f"--storage.tsdb.retention.time={KEPT}",
            f"--web.listen-address={settings['host']}:{settings['port']}",
        ]
        return Launch(command)

    def is_ready(self, state: Path, settings: Mapping[str, str]) -> bool:
        """See `Server`."""
        return says_ready(f"http://{settings['host']}:{settings['port']}/-/ready")

    def finish(self, settings: Mapping[str, str]) -> None:
        """See `Server`. There is nothing left to do."""

    def variables(self, settings: Mapping[str, str]) -> dict[str, str]:
        """See `Server`. No service reads it; people and tests do."""
        return {"PROMETHEUS_URL": f"http://{settings['host']}:{settings['port']}"}

    def logins(self, settings: Mapping[str, str]) -> dict[str, dict[str, str]]:
        """See `Server`. All services come as the same one."""
        return {}

    def metrics(self, settings: Mapping[str, str]) -> str:
        """See `Server`. It scrapes itself."""
        return ""


def check_sum(package: Path) -> None:
    """Compare a downloaded package with the recorded sums. Raises StackError where it is none of them."""
    found = hashlib.sha256(package.read_bytes()).hexdigest()
    if found not in SUMS.values():
        raise StackError(
            f"prometheus: {package.name} has the sum {found}, expected {' or '.join(SUMS.values())}."
            " Look at the package archive that apt is configured to use."
        )
