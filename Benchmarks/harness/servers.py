"""The servers that are measured: how each is started, and how it is stopped.

A server prints one JSON line when it listens: `{"url": …, "pid": …}`. `pid` names the process that does the work, where
that is not the one that was started. It ends on SIGTERM.
"""

import contextlib
import dataclasses
import json
import os
import pathlib
import subprocess
import tempfile
from collections.abc import Iterator

from .paths import BENCHMARKS, FLOOR_PROGRAMS, PEERS, REPRISE

STOP_SECONDS_MAX = 60
CERTIFICATE, KEY = "server.pem", "server.key"


class ServerFailed(Exception):
    """A server that did not start, or that did not live as long as its run."""


@dataclasses.dataclass(frozen=True)
class Kind:
    """A server with its settings."""

    name: str
    """Short and unique."""
    label: str
    """For people."""
    settings: str
    """What was set, in words."""
    command: tuple[str, ...]
    """`{data}` stands for a temporary folder."""
    envelope: str = "none"
    durability: str = "none"
    environment: tuple[tuple[str, str], ...] = ()
    is_secure: bool = False
    """Speaks TLS: `CERTIFICATE` and `KEY` are in the folder that it is started in."""


@dataclasses.dataclass(frozen=True)
class Running:
    """A server that listens."""

    kind: Kind
    url: str
    pid: int
    cpus: str | None
    data: pathlib.Path


def ours(
    durability: str = "always", loops: int = 1, flags: tuple[str, ...] = (), data: str = "{data}", is_secure: bool = False,
) -> Kind:
    """Reprise with its default JSON route."""
    settings = ("--durability", durability, "--loops", str(loops), *flags)
    if is_secure:
        settings += ("--tls-certificate", CERTIFICATE, "--tls-key", KEY)
    return Kind(
        name="reprise", label="Reprise", settings=" ".join(settings), envelope="aws", durability=durability,
        is_secure=is_secure, command=(str(REPRISE), "serve", "--json", "--port", "0", "--data", data, *settings))


def floor(send: str = "turn") -> Kind:
    """The C program. It broadcasts bytes as they are: strictly less work than a server that reads JSON and keeps a log."""
    label = {"turn": "C floor, one send per connection per turn", "message": "C floor, one send per message"}[send]
    return Kind(
        name=f"floor-{send}", label=label, settings="no JSON, no log",
        command=(str(FLOOR_PROGRAMS / "broadcast"), "--send", send))


def uwebsockets(settings: str = "tuned") -> Kind:
    """uWebSockets with a handler in C."""
    return Kind(
        name=f"uwebsockets-{settings}", label="uWebSockets (the library in socketify, handler in C)",
        settings={
            "default": "64 KiB back-pressure, 120 s idle timeout",
            "tuned": "64 MiB back-pressure, no idle timeout, no pings",
        }[settings],
        command=(str(PEERS / "uwebsockets"), "--settings", settings))


def socketify(settings: str) -> Kind:
    """uWebSockets as Python people have it."""
    return Kind(
        name=f"socketify-{settings}", label="uWebSockets (socketify: handler in Python, fan-out in C++)",
        settings={
            "default": "socketify's own",
            "tuned": "64 MiB back-pressure, no compression, no idle timeout, no pings",
        }[settings],
        command=(_python(), str(BENCHMARKS / "Peers/socketify_server.py"), "--settings", settings),
        environment=(("LD_LIBRARY_PATH", str(PEERS / "debian/usr/lib/x86_64-linux-gnu")),))


def nchan(settings: str) -> Kind:
    """nginx with Nchan."""
    return Kind(
        name=f"nchan-{settings}", label="Nchan (nginx)",
        settings={
            "default": "1 worker, 10 messages buffered for 1 h",
            "tuned": "1 worker, 128 messages buffered for 10 s, no access log",
        }[settings],
        command=(_python(), str(BENCHMARKS / "Peers/nchan_server.py"), "--root", str(PEERS / "debian"),
                 "--settings", settings))


def ws(settings: str) -> Kind:
    """Node's `ws`."""
    return Kind(
        name=f"ws-{settings}", label="ws (Node)",
        settings={
            "default": "client.send for each client",
            "tuned": "frame encoded once, no compression, no UTF-8 check",
        }[settings],
        command=("node", str(BENCHMARKS / "Peers/ws_server.js"), "--settings", settings),
        environment=(("NODE_PATH", str(PEERS / "debian/usr/share/nodejs")),))


def websockets(settings: str) -> Kind:
    """Python's `websockets`."""
    return Kind(
        name=f"websockets-{settings}", label="websockets (Python)",
        settings={
            "default": "broadcast(), asyncio",
            "tuned": "broadcast(), uvloop, no compression, no pings",
        }[settings],
        command=(_python(), str(BENCHMARKS / "Peers/websockets_server.py"), "--settings", settings))


def _python() -> str:
    return str(PEERS / "python/bin/python")


def _environment(kind: Kind) -> dict[str, str]:
    """No settings of the person who measures."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("REPRISE_")}
    return {**clean, **dict(kind.environment)}


def pinned(cpus: str | None, command: list[str]) -> list[str]:
    """The command on these CPUs; anywhere with None."""
    return command if cpus is None else ["taskset", "-c", cpus, *command]


def make_certificate(folder: pathlib.Path) -> None:
    """A certificate that vouches for itself, for as long as a measurement takes, and its key."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-keyout", folder / KEY, "-out", folder / CERTIFICATE],
        check=True, capture_output=True)


@contextlib.contextmanager
def running(kind: Kind, cpus: str | None) -> Iterator[Running]:
    """Starts a server, and stops it by its process id afterwards. Its folder is gone then.

    Raises `ServerFailed` with the end of what it said when it does not start or ends by itself.
    """
    with tempfile.TemporaryDirectory(prefix="reprise-bench-", ignore_cleanup_errors=True) as name:
        folder = pathlib.Path(name)
        if kind.is_secure:
            make_certificate(folder)
        command = [part.replace("{data}", str(folder / "data")) for part in kind.command]
        with open(folder / "stderr", "w+") as stderr:
            process = subprocess.Popen(
                pinned(cpus, command), stdout=subprocess.PIPE, stderr=stderr, text=True, cwd=folder,
                env=_environment(kind))
            try:
                line = process.stdout.readline()
                if not line:
                    raise ServerFailed(f"{kind.label} did not start: {_end_of(stderr)}")
                announcement = json.loads(line)
                pid = announcement.get("pid", process.pid)
                yield Running(kind, announcement["url"], pid, cpus, folder / "data")
                if process.poll() is not None:
                    raise ServerFailed(f"{kind.label} ended by itself with {process.returncode}: {_end_of(stderr)}")
            finally:
                _stop(process)


def _stop(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()


def _end_of(stderr) -> str:
    stderr.seek(0)
    return stderr.read()[-500:].strip() or "it said nothing"
