"""Run a command and say what it cost.

`wall_seconds` is the time from start to end. `cpu_seconds` is user plus system time of the process and of all
descendants that were waited for. `peak_rss_mib` is the largest resident set, in MiB, that any ONE process of the tree
had (ru_maxrss of os.wait4): it is not a sum over processes, and a shared page counts in full.

`other_cpu_seconds` is what everything else on the machine used in the meantime, stolen time of a virtual machine
included (None without /proc/stat): where it isn't near zero, don't trust `wall_seconds`.

A started process inherits the high-water mark of the process that starts it, so the caller must stay small: don't load
data in it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

# ru_maxrss is in KiB on Linux and in bytes on macOS.
RSS_UNITS_PER_MIB = 1024**2 if sys.platform == "darwin" else 1024


@dataclass(frozen=True)
class Cost:
    """What one run of a command cost; see the module's docstring for the units."""

    wall_seconds: float
    cpu_seconds: float
    peak_rss_mib: float
    other_cpu_seconds: float | None
    output: str


def read_busy_seconds() -> float | None:
    """Return the CPU seconds, over all cores, that the machine was busy since its start; None without /proc/stat."""
    try:
        fields = Path("/proc/stat").read_text().splitlines()[0].split()[1:]
    except FileNotFoundError:
        return None
    user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, fields[:8])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def measure(
    command: Sequence[str | os.PathLike],
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    log_path: Path | None = None,
) -> Cost:
    """Run a command to its end, its output (both streams) into log_path, and return its cost.

    Without log_path the output is shown as it comes and `output` stays empty. `env` is added to the environment.
    Raises RuntimeError, with the end of the output, where the command fails.
    """
    full_env = {**os.environ, **(env or {})}
    with open(log_path, "wb") if log_path else nullcontext() as log:
        busy_before = read_busy_seconds()
        started = time.perf_counter()
        process = subprocess.Popen(command, cwd=cwd, env=full_env, stdout=log, stderr=log and subprocess.STDOUT)
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            process.wait()
            raise
        wall_seconds = time.perf_counter() - started
        busy_after = read_busy_seconds()
    process.returncode = os.waitstatus_to_exitcode(status)
    output = log_path.read_text(errors="replace") if log_path else ""
    if process.returncode != 0:
        end = "\n".join(output.splitlines()[-30:])
        raise RuntimeError(f"exit code {process.returncode} from: {' '.join(map(str, command))}\n{end}")
    cpu_seconds = usage.ru_utime + usage.ru_stime
    other_cpu_seconds = None
    if busy_before is not None and busy_after is not None:
        other_cpu_seconds = round(max(0.0, busy_after - busy_before - cpu_seconds), 1)
    return Cost(
        wall_seconds=round(wall_seconds, 3),
        cpu_seconds=round(cpu_seconds, 3),
        peak_rss_mib=round(usage.ru_maxrss / RSS_UNITS_PER_MIB, 1),
        other_cpu_seconds=other_cpu_seconds,
        output=output,
    )


def main() -> None:
    if len(sys.argv) < 2:
        sys.exit("usage: measure.py command [argument ...]")
    cost = measure(sys.argv[1:])
    print(
        f"{cost.wall_seconds} s wall, {cost.cpu_seconds} s CPU, {cost.peak_rss_mib} MiB peak, "
        f"{cost.other_cpu_seconds} s CPU of others",
        file=sys.stderr,
    )


if __name__ == "__main__":
    main()
