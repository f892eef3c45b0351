"""What is in an image, as a CycloneDX list beside it: `python sbom.py SERVICE`, by the Python of the image.

https://cyclonedx.org/docs/1.6/json/. Names, versions and licences as the packages say them of themselves.
"""

import json
import sys
from importlib import metadata
from pathlib import Path

FILE = "sbom.cdx.json"


def component(package: metadata.Distribution) -> dict[str, object]:
    """One package."""
    name, version = package.metadata["Name"], package.version
    said = package.metadata.get("License-Expression") or package.metadata.get("License") or ""
    licences = [{"license": {"name": said.splitlines()[0]}}] if said.strip() else []
    return {
        "type": "library",
        "bom-ref": f"pkg:pypi/{name.lower()}@{version}",
        "name": name,
        "version": version,
        "purl": f"pkg:pypi/{name.lower()}@{version}",
        "licenses": licences,
    }


def main(service: str) -> None:
    """Write the list into the environment that this Python belongs to."""
    packages = sorted(metadata.distributions(), key=lambda package: package.metadata["Name"].lower())
    listed = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "container", "name": f"celstream-{service}"}},
        "components": [component(package) for package in packages],
    }
    (Path(sys.prefix) / FILE).write_text(json.dumps(listed, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
