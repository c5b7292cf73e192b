"""A broadcast server on uWebSockets as Python people use it: through `socketify`. The handler is Python, the fan-out is
the C++ library's.

    socketify_server.py --settings default|tuned
"""

import json
import os
import sys

from socketify import App, AppListenOptions, CompressOptions

TOPIC = "all"
BEHAVIOR = {
    "default": {},
    "tuned": {
        "compression": CompressOptions.DISABLED,
        "max_payload_length": 1 << 20,
        "max_backpressure": 64 << 20,
        "idle_timeout": 0,
        "send_pings_automatically": False,
    },
}


def announce(options: AppListenOptions) -> None:
    """Says where the server listens."""
    print(json.dumps({"url": f"ws://127.0.0.1:{options.port}/", "pid": os.getpid()}), flush=True)


def main() -> None:
    """Serves until a signal ends the process."""
    app = App()
    app.ws("/*", {
        **BEHAVIOR[sys.argv[sys.argv.index("--settings") + 1]],
        "open": lambda socket: socket.subscribe(TOPIC),
        "message": lambda socket, message, opcode: app.publish(TOPIC, message, opcode, False),
    })
    app.listen(AppListenOptions(port=0, host="127.0.0.1"), announce)
    app.run()


main()
