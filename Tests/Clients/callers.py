"""Calls to the management API with exactly the headers that a test wants, and of other users of this machine."""

import os
import pwd
import socket
import subprocess
import sys

import pytest

from reprise import DEADLINE, RawClient, Reply

EVERYONE = "/dev/@connections"
FLAGS = ("--management-open", "--domain-name")  # what a refusal may name as the remedy

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root starts processes of other users")


def own_address():
    """An address of this machine that others reach it by. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("198.51.100.7", 9))
        except OSError:
            pytest.skip("this machine has no address but those on loopback")
        return probe.getsockname()[0]


def path(connection):
    return f"{EVERYONE}/{connection}"


def calls(connection):
    """(method, path, body) of all that can be asked; what changes least comes first."""
    return [("GET", path(connection), ""), ("POST", path(connection), "to one"), ("POST", EVERYONE, "to all"),
            ("DELETE", path(connection), "")]


def request_bytes(port, method, path, body="", headers=None, version="HTTP/1.1"):
    """A request. A header of value `None` is left out."""
    fields = {"Host": f"127.0.0.1:{port}" if isinstance(port, int) else "localhost", "Content-Length": len(body), **(headers or {})}
    lines = [f"{method} {path} {version}"] + [f"{name}: {value}" for name, value in fields.items() if value is not None]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def ask(port, *request, **options):
    """One request of this process, to a port or to the path of a unix socket."""
    with RawClient(port) as client:
        client.send(request_bytes(port, *request, **options))
        return client.receive_reply()


def as_user(name):
    """What `Popen` is to be given for a process of a user."""
    user = pwd.getpwnam(name)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


# It starts as root, becomes another user, and imports nothing from then on: Python may lie where only root may look.
CALLER = """
import os, socket, sys
user, group, host, port = sys.argv[1:]
os.setgroups([])
os.setgid(int(group))
os.setuid(int(user))
caller = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
caller.connect((host, int(port)))
caller.sendall(sys.stdin.buffer.read())
while part := caller.recv(65536):
    sys.stdout.buffer.write(part)
"""


def ask_as(name, port, *request, host="127.0.0.1"):
    """One request of a process of another user."""
    user = pwd.getpwnam(name)
    done = subprocess.run(
        [sys.executable, "-I", "-c", CALLER, str(user.pw_uid), str(user.pw_gid), host, str(port)],
        input=request_bytes(port, *request, headers={"Connection": "close"}), capture_output=True, timeout=DEADLINE)
    assert done.returncode == 0, done.stderr.decode()
    head, body = done.stdout.split(b"\r\n\r\n", 1)
    return Reply(int(head.split()[1]), {}, body)


def assert_refused(reply, *words, flags=FLAGS):
    """403 with a text that says why, in these words, and names one of the flags."""
    assert reply.status == 403, (reply.status, reply.body)
    text = reply.json["message"]
    for word in words:
        assert word.lower() in text.lower(), f"no word of {word}: {text}"
    assert not flags or any(flag in text for flag in flags), f"no word of {' or '.join(flags)}: {text}"


def assert_taken(port, client, **options):
    """GET and POST get through at `port`. Nothing else has been sent to the client."""
    assert ask(port, "GET", path(client.id), **options).status == 200
    assert ask(port, "POST", path(client.id), "to one", **options).status == 200
    assert client.receive_text() == "to one"
    reply = ask(port, "POST", EVERYONE, "to all", **options)
    assert (reply.status, reply.json["recipients"]) == (200, 1)
    assert client.receive_text() == "to all"


def assert_nothing_happened(server, client, port=None, **options):
    """Nothing was sent, nobody has gone, and the client is still there. `port` and `options` make a call that is taken."""
    assert [event["event"] for event in server.log.export()] == ["sessionStarted", "connected"]
    assert ask(port or server.port, "POST", EVERYONE, "still there", **options).json["recipients"] == 1
    assert client.receive_text() == "still there"
