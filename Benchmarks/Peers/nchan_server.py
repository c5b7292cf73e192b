"""Runs Nchan: nginx with its pub/sub module, one worker, in a temporary folder that is gone afterwards.

    nchan_server.py --root FOLDER --settings default|tuned

FOLDER holds the unpacked Debian packages `nginx` and `libnginx-mod-nchan`. nginx cannot say which port it was given, so
a free one is looked for first. The process id that is announced is the worker's: it does the work.

    default   buffers and timeouts as Nchan has them: the last 10 messages of a channel, for an hour
    tuned     128 messages buffered for 10 seconds, no access log

In both, `worker_connections` is raised: nginx's own 512 would not take a thousand clients.
"""

import argparse
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time

CONFIGURATION = """
load_module {root}/usr/lib/nginx/modules/ngx_nchan_module.so;
{user}
daemon off;
worker_processes 1;
worker_rlimit_nofile {descriptors};
pid {folder}/pid;
error_log stderr crit;
events {{ worker_connections {connections}; }}
http {{
    access_log {access_log};
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    scgi_temp_path {folder}/scgi;
    uwsgi_temp_path {folder}/uwsgi;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{
            nchan_pubsub websocket;
            nchan_channel_id all;
            {settings}
        }}
    }}
}}
"""
TUNED = "nchan_message_buffer_length 128; nchan_message_timeout 10s;"
START_SECONDS_MAX = 10


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def write_configuration(folder: pathlib.Path, root: pathlib.Path, settings: str, port: int) -> pathlib.Path:
    """Writes nginx.conf and returns its path."""
    tuned = settings == "tuned"
    path = folder / "nginx.conf"
    path.write_text(CONFIGURATION.format(
        root=root, folder=folder, port=port, descriptors=65536, connections=32768,
        user="user root;" if os.geteuid() == 0 else "",
        access_log="off" if tuned else f"{folder}/access.log", settings=TUNED if tuned else ""))
    return path


def worker_of(master: int) -> int | None:
    """The process id of the one worker, once it is there."""
    children = pathlib.Path(f"/proc/{master}/task/{master}/children").read_text().split()
    return int(children[0]) if children else None


def wait_until_ready(nginx: subprocess.Popen, port: int) -> int:
    """The worker's process id, when the port answers."""
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline and nginx.poll() is None:
        worker = worker_of(nginx.pid)
        with socket.socket() as probe:
            if worker and probe.connect_ex(("127.0.0.1", port)) == 0:
                return worker
        time.sleep(0.02)
    raise SystemExit("nchan_server: nginx did not start")


def main() -> None:
    """Serves until SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", type=pathlib.Path, required=True)
    parser.add_argument("--settings", choices=["default", "tuned"], default="default")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with tempfile.TemporaryDirectory(prefix="reprise-nchan-") as name:
        folder = pathlib.Path(name)
        port = free_port()
        configuration = write_configuration(folder, options.root, options.settings, port)
        nginx = subprocess.Popen([options.root / "usr/sbin/nginx", "-p", folder, "-c", configuration])
        try:
            pid = wait_until_ready(nginx, port)
            print(json.dumps({"url": f"ws://127.0.0.1:{port}/", "pid": pid}), flush=True)
            nginx.wait()
        finally:
            nginx.terminate()
            nginx.wait()


main()
