"""The processor cores local models may use, and how their threads wait. Knows the machine; not the models."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_WAITING = "OMP_WAIT_POLICY"


@contextmanager
def sleeping_threads() -> Iterator[None]:
    """Import a library in here, and its OpenMP threads sleep while they wait for each other instead of spinning.

    OpenMP reads this once, when it is loaded. Measured with other work on both cores: 10 and 3 tokens/s
    spinning, 98 and 93 sleeping. A user's own setting is left alone.
    """
    if _WAITING in os.environ:
        yield
        return
    os.environ[_WAITING] = "PASSIVE"
    try:
        yield
    finally:
        del os.environ[_WAITING]


def free_cores() -> int:
    """Physical cores this process may use: its affinity, one of each hyper-thread pair, its container's quota."""
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))
    cores = {_core(number) for number in allowed}
    return max(1, min(len(cores), int(_quota())))


def _core(number: int) -> object:
    topology = Path(f"/sys/devices/system/cpu/cpu{number}/topology")
    try:
        return (topology / "physical_package_id").read_text(), (topology / "core_id").read_text()
    except OSError:
        return number


def _quota() -> float:
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return 1e9 if quota == "max" else float(quota) / float(period)
    except (OSError, ValueError):
        return 1e9
