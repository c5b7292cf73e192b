"""A long recorded session, made once by a benchmark against a server, and kept for later runs."""

import json
import pathlib
import shutil

from . import generator, servers
from .paths import KEPT
from .progress import Progress

SECONDS_A_RUN = 20


def recorded_session(events: int, progress: Progress) -> pathlib.Path:
    """The data folder of a session with at least so many events; records it if there is none.

    Two clients with 4096 messages outstanding: most of the events are messages, as fast as the log takes them.
    """
    folder = KEPT / f"session-{events}"
    finished = folder / "recorded.json"
    if finished.exists():
        return folder / "data"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    kind = servers.ours(durability="never", data=str(folder / "data"))
    messages = 0
    with servers.running(kind, cpus=None) as server:
        while messages < events:
            progress.show(f"recording a session of {events} events, once: {messages} so far")
            report = generator.measure(
                server, None, seconds=min(SECONDS_A_RUN, max(1, events // 500_000)), clients=2, window=4096)
            messages += report["messagesSent"]
    finished.write_text(json.dumps({"messages": messages}))
    return folder / "data"
