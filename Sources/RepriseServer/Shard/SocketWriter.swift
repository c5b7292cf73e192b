// `send(2)` from the loop: the one system call of the fan-out. A few lines, and the only place of the server where
// bytes are handed to the kernel past NIO.

internal import Glibc
internal import NIOCore

/// What the kernel made of a send.
enum SendResult {
    /// It took this many bytes from the front.
    case took(Int)
    /// The socket buffer is full (`EAGAIN`).
    case blocked
    /// The socket is broken.
    case failed
}

/// Sends from a non-blocking socket.
enum SocketWriter {
    /// Sends as much of `bytes` as the kernel takes. Never blocks, never raises SIGPIPE.
    @inline(__always)
    static func send(_ bytes: UnsafeRawBufferPointer, to descriptor: CInt) -> SendResult {
        while true {
            let count = unsafe Glibc.send(
                descriptor, bytes.baseAddress, bytes.count, CInt(MSG_NOSIGNAL) | CInt(MSG_DONTWAIT))
            if count >= 0 { return .took(count) }
            switch errno {
            case EINTR: continue
            case EAGAIN, ENOBUFS, ENOMEM: return .blocked
            default: return .failed
            }
        }
    }

    /// Sends as much of `buffer` as the kernel takes.
    static func send(_ buffer: ByteBuffer, to descriptor: CInt) -> SendResult {
        unsafe buffer.withUnsafeReadableBytes { unsafe send($0, to: descriptor) }
    }
}

extension SocketWriter {
    /// Tells the peer that nothing more comes (`shutdown(2)`), while it may still send.
    static func endOutput(of descriptor: CInt) {
        _ = Glibc.shutdown(descriptor, CInt(SHUT_WR))
    }

    /// Makes the next close throw away what the kernel still holds, and reset the peer (`SO_LINGER`, 0 seconds).
    static func resetOnClose(_ descriptor: CInt) {
        // `struct linger`, on and 0 seconds: which module Swift takes that type from depends on what else is imported.
        var option: (isOn: CInt, seconds: CInt) = (1, 0)
        _ = unsafe setsockopt(
            descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout.size(ofValue: option)))
    }
}
