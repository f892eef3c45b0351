"""Hostile and damaged footage through the whole command, under strace: what came of each kind, and whom it touched.

`python -m tests.benchmarks.hostile`; it needs strace, which few machines have, so `make bench` leaves it out.
"""

import re
import shutil
import sys
import sysconfig
import tempfile
from collections import defaultdict
from pathlib import Path

from tests.benchmarks.recording import ROOT, record
from tests.hostile_run import Result, run_hostile

CORRUPTIONS = 100
OWN = ("/usr", "/lib", "/lib64", "/etc", "/proc", "/sys", "/dev", "/var/lib", "/run")  # the system's files


def main() -> None:
    strace = shutil.which("strace")
    if strace is None:
        raise SystemExit("strace not found. Install it (Debian: apt-get install strace).")
    with tempfile.TemporaryDirectory(prefix="celstream-hostile-") as name:
        folder = Path(name)
        trace = folder / "trace"
        # The program's own process stops nobody at a signal of the sandbox: only calls that open and connect stop.
        wrapper = (strace, "-f", "--seccomp-bpf", "-qq", "-e", "trace=openat,open,connect,sendto", "-o", str(trace))
        done = run_hostile(folder, range(1000, 1000 + CORRUPTIONS), wrapper)
        touched = strangers(trace.read_text(errors="replace"), folder)
    groups: dict[str, list[Result]] = defaultdict(list)
    for result in done.results:
        groups[result.case.what].append(result)
    rows = [
        {
            "footage": what,
            "files": len(results),
            "one rejection": sum(bool(result.refusals) for result in results),
            "read": sum(not result.refusals for result in results),
            "frames decoded": sum(result.frames for result in results),
            "of them in clips": sum(result.kept for result in results),
            "what is wrong": "; ".join(f for result in results for f in result.findings) or "nothing",
            "for example": results[0].words.replace("|", "/").removeprefix(f"files/{results[0].case.name}: "),
        }
        for what, results in groups.items()
    ]
    record(
        "hostile",
        "Hostile and damaged footage through `celstream run`",
        rows,
        [
            f"One run over {len(done.results)} files, {done.seconds:.0f} s under strace; beside the results: "
            f"{'; '.join(done.findings) or 'nothing wrong'}.",
            "A file that playlists and a header name was watched (inotify) and a server listened at the address that "
            "they name: neither was touched.",
            f"strace of all processes: {'; '.join(touched) or 'no other file was opened and no address was called'}.",
            "Every frame of what was read is in one clip, in one rejection, or inside a transition; what was refused "
            "although it is only damaged holds no frame that ffmpeg decodes.",
        ],
    )


def strangers(trace: str, folder: Path) -> list[str]:
    """Files that were opened though they are neither the run's nor the program's, and addresses that were called."""
    prefixes = {sys.prefix, sys.base_prefix, sysconfig.get_path("stdlib"), str(folder), str(ROOT)}
    allowed = tuple(sorted(prefixes)) + OWN
    found = set() if "files/good.mp4" in trace else {"strace saw nothing"}
    for line in trace.splitlines():
        if call := re.search(r'open(?:at)?\([^"]*"(/[^"]*)".*= \d+', line):
            path = call[1]
            if not path.startswith(allowed) or path == str(folder / "secret.mp4"):
                found.add(f"opened {path}")
        elif call := re.search(r"(connect|sendto)\(.*sa_family=(AF_INET6?).*", line):
            found.add(f"{call[1]} to {line.strip()[-120:]}")
    return sorted(found)


if __name__ == "__main__":
    main()
