"""Write the dashboards into the chart: `python -m celstream_dashboards [FOLDER]`."""

import sys
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from celstream_dashboards import cost, footage, models, quality, services

BUILDERS = {
    "footage": footage.build,
    "services": services.build,
    "models": models.build,
    "quality": quality.build,
    "cost": cost.build,
}
FOLDER = Path("charts/celstream/dashboards")


def files(folder: Path) -> dict[Path, str]:
    """File -> content of every dashboard."""
    return {
        folder / f"{name}.json": JSONEncoder(sort_keys=True, indent=1).encode(build().build()) + "\n"
        for name, build in BUILDERS.items()
    }


def main(folder: Path) -> None:
    """Write them."""
    folder.mkdir(parents=True, exist_ok=True)
    for path, content in files(folder).items():
        path.write_text(content)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
