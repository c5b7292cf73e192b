"""The load generator: `reprise bench fanout` against a server that runs."""

import json
import pathlib
import subprocess
import threading
from typing import Any

from .paths import REPRISE
from .servers import Running

Report = dict[str, Any]
"""One run's report, as `reprise bench fanout --json` prints it."""

VALID, NOT_VALID = 0, 4  # exit codes that come with a report
GRACE_SECONDS = 180  # for connecting and draining


class RunFailed(Exception):
    """A run that gave no report."""


def measure(server: Running, cpus: str | None, *, seconds: float, label: str = "", **flags: float) -> Report:
    """Runs the generator once. `flags` are those of `bench fanout`, with _ for -.

    A run that is not valid has a report, too: see its `verdict`.
    """
    command = [
        str(REPRISE), "bench", "fanout", "--json", "--url", server.url, "--server-pid", str(server.pid),
        "--envelope", server.kind.envelope, "--server-durability", server.kind.durability,
        "--label", label or server.kind.label, "--seconds", f"{seconds:g}",
    ]
    if cpus is not None:
        command += ["--generator-cpus", cpus]
    for name, value in flags.items():
        command += [f"--{name.replace('_', '-')}", f"{value:g}"]
    done = _run(command, seconds + GRACE_SECONDS)
    if done.returncode not in (VALID, NOT_VALID) or not done.stdout:
        raise RunFailed(f"{' '.join(command)}: exit code {done.returncode}: {done.stderr.strip()[-500:]}")
    report = json.loads(done.stdout)
    report["serverCPUs"] = server.cpus
    return report


def command(*arguments: str, seconds_max: float = 3600) -> Report:
    """Runs another verb of ours that prints one JSON object."""
    done = _run([str(REPRISE), *arguments], seconds_max)
    if done.returncode != 0:
        raise RunFailed(f"reprise {' '.join(arguments)}: exit code {done.returncode}: {done.stderr.strip()[-500:]}")
    return json.loads(done.stdout)


def _run(command: list[str], seconds_max: float) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=seconds_max)
    except subprocess.TimeoutExpired:
        raise RunFailed(f"{' '.join(command)}: not done within {seconds_max:g} s") from None


class MemoryWatch:
    """Samples a process's anonymous resident memory, four times a second: `with MemoryWatch(pid) as watch: …`.

    Anonymous, because the log's pages are mapped: the kernel shares them, and drops them when it likes.
    """

    def __init__(self, pid: int) -> None:
        self._status = pathlib.Path(f"/proc/{pid}/status")
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.before = self._resident_bytes()
        self.peak = self.before

    @property
    def growth(self) -> int:
        """Bytes between the first sample and the largest."""
        return self.peak - self.before

    def __enter__(self) -> "MemoryWatch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.25):
            self.peak = max(self.peak, self._resident_bytes())

    def _resident_bytes(self) -> int:
        for line in self._status.read_text().splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) << 10
        return 0  # the process has ended
