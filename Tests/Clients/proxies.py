"""Reverse proxies before a server on this machine: in the shortest configurations that do the job, and in those of the README.

Where the tests run as root a proxy serves as another user, as those that the system starts do: it begins as root and
gives that up by itself, so the files of `tools/proxies` may lie where only root may look.
"""

import functools
import grp
import os
import pathlib
import pwd
import re
import shutil
import socket
import subprocess
import tempfile

from reprise import DEADLINE, environment
from callers import ask

NGINX = """
daemon off;
pid {folder}/pid;
error_log stderr;
{user}
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        {lines}
    }}
}}
"""

HAPROXY = """
global
    maxconn 100
    {user}
{lines}
"""

# As in the README, a proxy listens on port 80, and a server on 127.0.0.1:8080. Both are replaced.
LOCATION = """
        location / {
            proxy_pass http://127.0.0.1:8080;%s
        }
"""
WEBSOCKETS = """
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection "upgrade";
            proxy_set_header Host $host;
"""
SECTIONS = """
defaults
    mode http
    timeout connect 30s
    timeout client 30s
    timeout server 30s
    %s
frontend f
    bind :80
    default_backend b
backend b
    server s 127.0.0.1:8080
"""


def shown(program):
    """What the README shows for a program."""
    readme = (pathlib.Path(__file__).parents[2] / "README.md").read_text()
    (text,) = re.findall(f"^```{program}\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    return text


CONFIGURATIONS = {  # program, and what is its own
    "nginx": ("nginx", LOCATION % ""),  # HTTP/1.0, `Host: 127.0.0.1:PORT` of the server, and not a word of itself
    "nginx-websockets": ("nginx", LOCATION % WEBSOCKETS),  # HTTP/1.1, the client's Host without its port
    "haproxy": ("haproxy", SECTIONS % ""),  # all headers as the client sent them
    "haproxy-forwardfor": ("haproxy", SECTIONS % "option forwardfor"),
}
SHOWN = {f"{program} of the README": (program, shown(program)) for program in ("nginx", "haproxy")}
# HAProxy asks with OPTIONS and HTTP/1.0, looks at the status alone, and says what it makes of it.
HTTPCHK = """
    option httpchk {path}
    option log-health-checks
    log stderr format raw daemon info
    default-server check inter 100ms
"""
UPGRADING = [name for name in CONFIGURATIONS if name != "nginx"]
IS_ROOT = os.geteuid() == 0


@functools.cache
def programs():
    """The folder with nginx and HAProxy."""
    tool = pathlib.Path(__file__).parents[2] / "tools/proxies"
    done = subprocess.run([tool], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return pathlib.Path(done.stdout.strip())


class Proxy:
    """A proxy that runs, from the first answer of the server through it on."""

    def __init__(self, name, server, user="nobody", more=""):
        """As root, it serves as `user`; otherwise as whoever runs the tests. `more` is lines for the defaults of HAProxy."""
        program, lines = {**CONFIGURATIONS, **SHOWN}[name]
        text = {"nginx": NGINX, "haproxy": HAPROXY}[program]
        path = programs() / program
        account = pwd.getpwnam(user)
        self._folder = pathlib.Path(tempfile.mkdtemp(prefix="reprise-test-"))
        self._stderr = open(self._folder / "stderr", "w+b")
        configuration = self._folder / "configuration"
        # The port is chosen by the system and kept: the proxy inherits the socket, and nobody can take it in between.
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = listener.getsockname()[1]
            for old, new in [
                    ("127.0.0.1:8080", f"127.0.0.1:{server.port}"), ("bind :80\n", f"bind fd@{listener.fileno()}\n"),
                    ("    mode http\n", f"    mode http\n{more}")]:
                lines = lines.replace(old, new)
            configuration.write_text(text.format(
                folder=self._folder, port=self.port, lines=lines, user=user_lines(program, account) if IS_ROOT else ""))
            if IS_ROOT:
                os.chown(self._folder, account.pw_uid, account.pw_gid)
            arguments = {
                "nginx": ["-p", self._folder, "-e", "stderr", "-c", configuration],
                "haproxy": ["-db", "-f", configuration],
            }[program]
            self.process = subprocess.Popen(
                [path, *arguments], stdout=self._stderr, stderr=self._stderr, cwd="/",
                pass_fds=[listener.fileno()], env=environment({"NGINX": f"{listener.fileno()};"}))
        try:
            assert ask(self.port, "GET", "/health").status == 200
        except (AssertionError, EOFError, OSError) as problem:
            output = self.output
            self.stop()
            raise AssertionError(f"{name} does not serve: {problem!r}\n{output}") from None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    @property
    def output(self):
        """What it has said so far."""
        return pathlib.Path(self._stderr.name).read_text(errors="replace")

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(DEADLINE)
        finally:
            self.process.kill()
            self._stderr.close()
            shutil.rmtree(self._folder, ignore_errors=True)


def user_lines(program, account):
    group = grp.getgrgid(account.pw_gid).gr_name
    if program == "nginx":
        return f"user {account.pw_name} {group};"
    return f"user {account.pw_name}\n    group {group}"
