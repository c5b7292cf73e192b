"""A broadcast server on Python's `websockets`, with `broadcast()` as its manual advises.

    websockets_server.py --settings default|tuned

    tuned: uvloop instead of asyncio's own loop, compression off, no keepalive pings, no bound on the queue of received messages
"""

import asyncio
import contextlib
import json
import os
import signal
import sys

from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.exceptions import ConnectionClosed

TUNED = sys.argv[sys.argv.index("--settings") + 1] == "tuned"
SETTINGS = {"compression": None, "ping_interval": None, "max_queue": None} if TUNED else {}

clients: set[ServerConnection] = set()


async def handle(client: ServerConnection) -> None:
    """Gives what one client sends to all of them."""
    clients.add(client)
    with contextlib.suppress(ConnectionClosed):
        async for message in client:
            broadcast(clients, message)
    clients.remove(client)


async def main() -> None:
    """Serves until SIGTERM."""
    stop = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set_result, None)
    async with serve(handle, "127.0.0.1", 0, backlog=4096, **SETTINGS) as server:
        port = server.sockets[0].getsockname()[1]
        print(json.dumps({"url": f"ws://127.0.0.1:{port}/", "pid": os.getpid()}), flush=True)
        await stop
        os._exit(0)  # a thousand closing handshakes are not what is measured


if TUNED:
    import uvloop

    uvloop.run(main())
else:
    asyncio.run(main())
