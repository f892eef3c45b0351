"""A model repository for Triton on CPUs that holds all it needs: the same models, run by its python backend.

python -m celstream_stack.triton_cpu REPOSITORY TARGET
"""

import shutil
from pathlib import Path

from celstream_stack import triton_config
from celstream_stack.triton_command import link, link_papers, main
from celstream_stack.triton_overlay import write_model

HERE = "."


def write_repository(repository: Path, target: Path) -> list[str]:
    """Write the repository anew, its ONNX files linked where that is possible; the names of its models.

    Raises StackError for what is no model.
    """
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    sources = triton_config.models(repository)
    for source in sources:
        for version in write_model(source, target / source.name, where=HERE):
            link(source / str(version) / "model.onnx", target / source.name / str(version) / "model.onnx")
        link_papers(source, target / source.name)
    return [source.name for source in sources]


if __name__ == "__main__":
    raise SystemExit(main(write_repository))
