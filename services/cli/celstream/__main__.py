"""The entry of the command `celstream`: starts what takes long to start before the command line itself is loaded."""

import sys

from celstream_platform.loading import loading


def main() -> None:
    """Run the command that the arguments name."""
    if sys.argv[1:2] == ["shots"] and "--help" not in sys.argv:
        from celstream_platform.footage import children

        from celstream.processors import usable_processors

        children.prepare(usable_processors(), ["celstream_segmenter.detection"])
    with loading(own_process=True):
        from celstream.commands import app

    app(prog_name="celstream")


if __name__ == "__main__":
    main()
