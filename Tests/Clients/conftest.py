"""Fixtures: servers on loopback, each with a port of its own and a folder that is gone afterwards.

The binary is named by REPRISE_BINARY. REPRISE_LONG=1 runs the long forms of the tests that have one; REPRISE_FLIPS and
REPRISE_SEED are explained in test_damage.py; REPRISE_PREFIX is put before the command of each server.
"""

import contextlib
import pathlib
import re
import shutil
import signal
import tempfile

import pytest

from certificates import make_certificate
from reprise import Log, Server


# Under nohup, or in the background of a script, they are ignored; servers would inherit that, and leave them ignored.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items):
    """A test whose name begins with a number shows a case of the checklist (test_checklist.py)."""
    for item in items:
        if re.match(r"test_\d", item.name):
            item.add_marker("checklist")


@contextlib.contextmanager
def temporary_folder():
    """Not `tmp_path`, which keeps the logs of several runs."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="reprise-test-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def servers(folder):
    """Gives a function that starts servers. What still runs at the end is stopped by its process id with SIGTERM, and
    must end with 0 by itself."""
    started = []

    def start(*flags, data=None, **options):
        server = Server(*flags, data=data or folder / "data", folder=folder, **options)
        started.append(server)
        return server

    failures = []
    try:
        yield start
    finally:
        for server in reversed(started):
            try:
                if server.is_running:
                    server.stop()
                elif server.exit_was_unexpected:
                    failures.append(f"the server ended by itself with {server.process.returncode}: {server.stderr}")
            except AssertionError as failure:
                failures.append(str(failure))
            finally:
                server.destroy()
    assert not failures, "\n".join(failures)


@pytest.fixture
def folder():
    """A temporary folder."""
    with temporary_folder() as path:
        yield path


@pytest.fixture
def serve(folder):
    """Starts servers: `serve("--ring-bytes", "1MiB", data=…, env={…})`."""
    with servers(folder) as start:
        yield start


@pytest.fixture(scope="module")
def serve_once():
    """The same for a recording that all tests of a module read and none changes."""
    with temporary_folder() as path, servers(path) as start:
        yield start


@pytest.fixture
def server(serve):
    """A server with default settings."""
    return serve()


@pytest.fixture
def certificate(folder):
    return make_certificate(folder)


@pytest.fixture
def secure(serve, certificate):
    """Starts servers with TLS."""
    def start(*flags, **options):
        server = serve("--tls-certificate", certificate[0], "--tls-key", certificate[1], *flags, **options)
        assert server.url.startswith("wss://")
        return server
    return start


@pytest.fixture
def log(folder):
    """The log of the default data folder."""
    return Log(folder / "data")
