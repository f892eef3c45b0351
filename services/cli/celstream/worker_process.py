"""The process of one worker of a run.

Standard input: one line, a `worker.Task` as JSON; then nothing until the run ends. Standard output: troubles, JSON
lines. Nothing is imported before the task is known that is not needed to prepare the processes that read footage: they
start up while the worker does.
"""

import json
import sys

from celstream_platform.footage import children
from celstream_platform.loading import loading

READER = "celstream_segmenter.segment"


def main() -> None:
    """Work until SIGTERM, or until the run is gone."""
    line = sys.stdin.readline()
    if not line:
        return  # the run is gone already
    children.prepare(json.loads(line)["processes"], [READER])
    with loading(own_process=True):
        import msgspec

        from celstream.worker import Task, work

    work(msgspec.json.decode(line, type=Task))


if __name__ == "__main__":
    main()
