"""Runs the accuracy suites: `make accuracy`, or `python -m tests.accuracy transitions` for one of them.

With REAL_FOOTAGE=DIR the transitions are scored on labelled films as well.
"""

import importlib
import os
import sys

SUITES = ("transitions", "second_opinion", "measurements")


def main() -> int:
    wanted = sys.argv[1:] or SUITES
    unknown = sorted(set(wanted) - set(SUITES))
    if unknown:
        print(f"{', '.join(unknown)}: no such suite. There are {', '.join(SUITES)}.", file=sys.stderr)
        return 2
    footage = os.environ.get("REAL_FOOTAGE")
    films = ["--rendered", "12", *(["--footage", footage] if footage else [])]
    arguments = {"transitions": films, "second_opinion": films}
    for name in wanted:
        sys.argv = [name, *arguments.get(name, [])]
        importlib.import_module(f"tests.accuracy.{name}").main()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
