// What commands print: gathered, and written in large pieces.

internal import Glibc
internal import NIOCore

/// Prints one line now, also into a pipe: for commands that go on running.
func printLine(_ line: String) {
    print(line)
    fflush(nil)
}

/// Buffered output to standard output or a file.
///
/// A reader that goes away ends the process with 0 and without a word: `reprise log show | head` is no failure.
struct StandardOutput: ~Copyable {
    /// What was not written yet. Append to it, then call `endLine`.
    var buffer = ByteBuffer()
    private let descriptor: Int32
    private let name: String
    private static let pieceBytes = 64 << 10

    init() {
        descriptor = STDOUT_FILENO
        name = "standard output"
    }

    /// Writes to a file, which is made or emptied.
    init(file path: String) throws {
        let opened = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard opened >= 0 else {
            throw CommandEnd(
                status: .couldNotRun, message: "cannot write \(path): \(unsafe String(cString: strerror(errno)))")
        }
        descriptor = opened
        name = path
    }

    /// Ends a line, and writes when there is enough to write.
    mutating func endLine() throws {
        buffer.writeInteger(UInt8(ascii: "\n"))
        try flushIfLarge()
    }

    /// Writes when there is enough to write.
    mutating func flushIfLarge() throws {
        if buffer.readableBytes >= StandardOutput.pieceBytes { try flush() }
    }

    /// Writes a line.
    mutating func print(_ line: String) throws {
        buffer.writeString(line)
        try endLine()
    }

    /// Writes everything that was gathered.
    mutating func flush() throws {
        while buffer.readableBytes > 0 {
            let count = unsafe buffer.withUnsafeReadableBytes { bytes in
                unsafe write(descriptor, bytes.baseAddress, bytes.count)
            }
            if count < 0 {
                if errno == EINTR { continue }
                if errno == EPIPE { exit(ExitStatus.done.rawValue) }
                throw CommandEnd(
                    status: .couldNotRun, message: "cannot write \(name): \(unsafe String(cString: strerror(errno)))")
            }
            buffer.moveReaderIndex(forwardBy: count)
        }
        buffer.clear()
    }
}
