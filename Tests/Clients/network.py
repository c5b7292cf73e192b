"""Two machines in one: network namespaces with a cable between them, which a test may cut without a word to either end."""

import concurrent.futures
import contextlib
import ctypes
import os
import subprocess

import pytest

LIBC = ctypes.CDLL(None, use_errno=True)  # os.setns came with Python 3.12


def ip(*arguments):
    return subprocess.run(["ip", *arguments], capture_output=True, text=True, check=True).stdout


class Machine:
    """A network namespace."""

    def __init__(self, name, address):
        self.name, self.address = name, address
        ip("netns", "add", name)
        ip("-n", name, "link", "set", "lo", "up")

    def enter(self):
        """Moves the calling thread there; what it makes stays there."""
        with open(f"/run/netns/{self.name}", "rb") as namespace:
            if LIBC.setns(namespace.fileno(), 0):
                raise OSError(ctypes.get_errno(), "setns")

    def make(self, what):
        """What `what()` gives in a thread of that machine, a socket for example."""
        with concurrent.futures.ThreadPoolExecutor(1, initializer=self.enter) as pool:
            return pool.submit(what).result()

    @property
    def hardware_address(self):
        return ip("-n", self.name, "-br", "link", "show", "cable").split()[2]

    def vanish(self):
        """It answers nothing any more, and says nothing: what a machine does that has lost its power."""
        ip("-n", self.name, "address", "del", f"{self.address}/24", "dev", "cable")

    def __exit__(self, *_):
        ip("netns", "del", self.name)

    def __enter__(self):
        return self


@contextlib.contextmanager
def two_machines():
    """A server's and a client's, or a skipped test where that is not possible."""
    if os.geteuid() != 0:
        pytest.skip("only root makes network namespaces")
    near, far = f"reprise-{os.getpid()}-near", f"reprise-{os.getpid()}-far"
    with contextlib.ExitStack() as stack:
        try:
            server = stack.enter_context(Machine(near, "10.0.0.1"))
            client = stack.enter_context(Machine(far, "10.0.0.2"))
            ip("-n", near, "link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns", far)
        except (OSError, subprocess.CalledProcessError) as problem:
            pytest.skip(f"no network namespaces here: {getattr(problem, 'stderr', problem)}")
        for machine in (server, client):
            ip("-n", machine.name, "address", "add", f"{machine.address}/24", "dev", "cable")
            ip("-n", machine.name, "link", "set", "cable", "up")
        # Otherwise the first thing that is missed is an answer to ARP, and the kernel says so.
        ip("-n", near, "neighbour", "replace", client.address, "lladdr", client.hardware_address, "dev", "cable", "nud", "permanent")
        yield server, client
