"""The entry of the command `celstream`: starts what takes long to start before the command line itself is loaded."""

import os
import sys

from celstream_platform.loading import loading

from celstream import worker_start
from celstream.processors import usable_processors


def main() -> None:
    """Run the command that the arguments name."""
    if sys.argv[1:2] == ["run"] and "--help" not in sys.argv:
        worker_start.prepare(usable_processors())
    if sys.argv[1:2] == ["shots"] and "--help" not in sys.argv:
        from celstream_platform.footage import children

        children.prepare(usable_processors(), ["celstream_segmenter.detection"])
    with loading(own_process=True):
        from celstream.commands import app

    try:
        app(prog_name="celstream")
    except SystemExit as ended:
        worker_start.end_unused()
        if isinstance(ended.code, int):
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(ended.code)  # at once: to take down all that was loaded takes a twentieth of a second
        raise


if __name__ == "__main__":
    main()
