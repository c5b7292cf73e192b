"""The computer that the figures are from."""

import datetime
import os
import pathlib
import platform
import resource
import subprocess

from .paths import ROOT


def allow_many_descriptors() -> None:
    """Raises the bound on open files to what is allowed; servers and generator inherit it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def processor() -> str:
    """The processor's name, as the kernel gives it."""
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return "unknown processor"


def revision() -> str:
    """The commit that the working copy is at, with a mark when it is changed."""
    done = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True)
    return done.stdout.strip() or "unknown revision"


def description() -> str:
    """One line for the head of a table."""
    now = datetime.datetime.now(datetime.timezone.utc)
    load = os.getloadavg()[0]
    return (f"{now:%Y-%m-%d %H:%M} UTC · {processor()}, {os.cpu_count()} cores, Linux {platform.release()} · "
            f"{revision()} · load average at the start {load:.1f}")


def other_load() -> str | None:
    """A warning when something else keeps the machine busy; None when it is quiet."""
    load = os.getloadavg()[0]
    return f"load average {load:.1f}: something else runs on this machine, and figures will say so" if load > 0.7 else None
