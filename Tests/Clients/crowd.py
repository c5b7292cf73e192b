"""Many clients that only listen, in one thread: what each received, as bytes or as a digest of them."""

import contextlib
import selectors
import struct
import threading

import xxhash

from reprise import DEADLINE, eventually


class Listener:
    def __init__(self, client, captures):
        self.client = client
        self.socket = client.socket
        self.count = 0
        self.hash = xxhash.xxh64()
        self.parts = [] if captures else None
        self.has_ended = False
        if client.buffer:
            self.take(client.buffer)

    def take(self, data):
        self.count += len(data)
        if self.parts is None:
            self.hash.update(data)
        else:
            self.parts.append(bytes(data))

    @property
    def frames(self):
        """(opcode, payload) of every whole frame that came."""
        return list(parse_frames(b"".join(self.parts)))

    @property
    def texts(self):
        return [payload.decode() for opcode, payload in self.frames if opcode == 1]


class Crowd:
    """Connects `count` clients and reads what they get until `close`."""

    def __init__(self, server, count, captures=False):
        self.listeners = [Listener(server.raw(), captures) for _ in range(count)]
        self._selector = selectors.DefaultSelector()
        for listener in self.listeners:
            listener.socket.setblocking(False)
            self._selector.register(listener.socket, selectors.EVENT_READ, listener)
        self._stopping = False
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __iter__(self):
        return iter(self.listeners)

    def _read(self):
        buffer = bytearray(1 << 18)
        view = memoryview(buffer)
        while not self._stopping:
            for key, _ in self._selector.select(0.05):
                listener = key.data
                try:
                    count = listener.socket.recv_into(buffer)
                except BlockingIOError:
                    continue
                except ConnectionError:
                    count = 0
                if count:
                    listener.take(view[:count])
                else:
                    listener.has_ended = True
                    self._selector.unregister(listener.socket)

    @property
    def least(self):
        """Bytes that every client has received."""
        return min(listener.count for listener in self.listeners)

    def wait_for_bytes(self, count, deadline=DEADLINE):
        eventually(lambda: self.least >= count, f"{count} bytes at everyone, now {self.least}", deadline)

    def wait_for_end(self, deadline=DEADLINE):
        eventually(lambda: all(listener.has_ended for listener in self), "the end of every stream", deadline)

    def close(self):
        self._stopping = True
        self._thread.join()
        self._selector.close()
        for listener in self.listeners:
            with contextlib.suppress(OSError):
                listener.socket.close()


def parse_frames(data):
    """Whole server frames from the front of `data`; fragments are joined."""
    start, begun = 0, b""
    while len(data) - start >= 2:
        first, size = data[start], data[start + 1]
        at = start + 2
        if size == 126:
            if len(data) < at + 2:
                return
            (size,) = struct.unpack_from(">H", data, at)
            at += 2
        elif size == 127:
            if len(data) < at + 8:
                return
            (size,) = struct.unpack_from(">Q", data, at)
            at += 8
        if len(data) < at + size:
            return
        payload = data[at:at + size]
        start = at + size
        opcode = first & 0x0F
        if opcode < 8 and not first & 0x80:
            begun += payload
        elif opcode in (0, 1, 2):
            yield opcode or 1, begun + payload
            begun = b""
        else:
            yield opcode, payload


def server_frames(payload, frame_bytes=32768):
    """The bytes of a text message as the server frames it."""
    out = b""
    for start in range(0, max(1, len(payload)), frame_bytes):
        part = payload[start:start + frame_bytes]
        head = (1 if start == 0 else 0) | (0x80 if start + frame_bytes >= len(payload) else 0)
        if len(part) < 126:
            out += bytes([head, len(part)]) + part
        elif len(part) < 1 << 16:
            out += bytes([head, 126]) + struct.pack(">H", len(part)) + part
        else:
            out += bytes([head, 127]) + struct.pack(">Q", len(part)) + part
    return out


