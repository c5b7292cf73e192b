import NIOPosix
import NIOHTTP1
import NIOWebSocket
import ServiceLifecycle
import Logging
