"""The process of one worker of a run; `worker_start` says how it is told what to do, and of the end of the run.

Standard output: troubles, JSON lines. Nothing is imported before the processes that read footage are on their way that
is not needed to start them: they load their libraries while the worker does, and all of them before the task is known.
"""

import os
import sys

from celstream_platform.footage import children
from celstream_platform.loading import loading

READER = "celstream_segmenter.segment"


def main() -> None:
    """Work until SIGTERM, or until the run is gone."""
    children.prepare(int(sys.argv[1]), [READER])
    with loading(own_process=True):
        import msgspec

        from celstream.worker import Task, work
        from celstream.worker_start import task_told
    if line := task_told():
        work(msgspec.json.decode(line, type=Task))
        os._exit(0)  # at once: see `__main__`


if __name__ == "__main__":
    main()
