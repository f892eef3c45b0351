"""Runs a function of `limited_functions` in a limited child, as the tests of such children do."""

import contextlib
import os
import select
from pathlib import Path
from typing import Any

from celstream_platform.footage import limited
from celstream_platform.footage.limits import MIB, Limits

HERE = Path(__file__).parent
SMALL = Limits(memory_bytes=256 * MIB, cpu_seconds=30, wall_seconds=60, stall_seconds=60, output_bytes=8 * MIB)


def run(function: str, path: Path, arguments: dict[str, Any] | None = None, **options: Any) -> list[Any]:
    options.setdefault("limits", SMALL)
    results = options.pop("results", [int, str, bytes, dict])
    answers = limited.stream(
        function if ":" in function else f"limited_functions:{function}",
        path,
        arguments or {},
        results,
        import_from=[HERE],
        **options,
    )
    with contextlib.closing(answers):
        return list(answers)


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def wait_until_gone(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        handle = os.pidfd_open(pid)
        try:
            assert select.select([handle], [], [], 30.0)[0], f"process {pid} is still there"
        finally:
            os.close(handle)
