"""Runs the benchmarks: `make bench`, or `python -m tests.benchmarks segmentation` for one of them."""

import importlib
import sys

BENCHMARKS = (
    "event_log",
    "event_log_kafka",
    "coordination",
    "triton",
    "rebuild",
    "segmentation",
    "lossless",
    "large_files",
    "memory",
    "scaling",
)


def main() -> int:
    wanted = sys.argv[1:] or BENCHMARKS
    unknown = sorted(set(wanted) - set(BENCHMARKS))
    if unknown:
        print(f"{', '.join(unknown)}: no such benchmark. There are {', '.join(BENCHMARKS)}.", file=sys.stderr)
        return 2
    for name in wanted:
        importlib.import_module(f"tests.benchmarks.{name}").main()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
