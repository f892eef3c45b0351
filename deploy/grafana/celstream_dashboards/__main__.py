"""Write the dashboards into the chart: `python -m celstream_dashboards [FOLDER]`.

Those below `gpu/` take the place of their namesakes where the model server has GPUs: no panel asks for what nobody has.
"""

import sys
from collections.abc import Callable
from pathlib import Path

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from celstream_dashboards import cost, footage, inferences, models, quality, services

BUILDERS: dict[str, Callable[[], dashboard.Dashboard]] = {
    "footage": footage.build,
    "services": services.build,
    "models": models.build,
    "inferences": inferences.build,
    "quality": quality.build,
    "cost": cost.build,
    "gpu/models": lambda: models.build(gpus=True),
    "gpu/cost": lambda: cost.build(gpus=True),
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
    for path, content in files(folder).items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
