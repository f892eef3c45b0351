"""What a limited child process may use."""

from dataclasses import dataclass

MIB = 1024 * 1024
GIB = 1024 * MIB


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one child process; each job chooses its own.

    memory_bytes: private writable memory, the interpreter's ~40 MiB included (RLIMIT_DATA).
    cpu_seconds: processor time of all its threads. wall_seconds: time that the caller spends waiting for its results,
    in all; stall_seconds: for one result, or one sign of life (`life_sign`). The caller's own work between two results
    does not count.
    output_bytes: results, in all, as they are sent. scratch_bytes: its scratch folder; also the largest file in it.
    open_files: file descriptors.
    """

    memory_bytes: int = 1 * GIB
    cpu_seconds: float = 3600.0
    wall_seconds: float = 3600.0
    stall_seconds: float = 120.0
    output_bytes: int = 1 * GIB
    scratch_bytes: int = 4 * GIB
    open_files: int = 64
