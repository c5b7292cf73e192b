// Lines from standard input, typed or piped. `readLine` would go on waiting after a signal, so that Ctrl-C did nothing.

internal import Glibc

/// Reads standard input line by line, with a prompt where it is a terminal.
struct CommandLines {
    private var buffer: [UInt8] = []
    private var hasEnded = false
    private let isTerminal = isatty(STDIN_FILENO) != 0
    private static let lineBytesMax = 4096

    /// The next line without its end, or `nil` at the end of the input or after a signal.
    mutating func next(prompt: String) throws -> String? {
        if isTerminal { StandardStream.write(prompt, to: STDERR_FILENO) }
        while true {
            if let end = buffer.firstIndex(of: UInt8(ascii: "\n")) {
                defer { buffer.removeFirst(end + 1) }
                return String(decoding: buffer[..<end], as: UTF8.self)
            }
            if hasEnded || buffer.count > CommandLines.lineBytesMax {
                defer { buffer = [] }
                return buffer.isEmpty ? nil : String(decoding: buffer, as: UTF8.self)
            }
            guard StopSignal.waitToRead(STDIN_FILENO) else { return nil }
            try readMore()
        }
    }

    private mutating func readMore() throws {
        var bytes = [UInt8](repeating: 0, count: CommandLines.lineBytesMax)
        let count = unsafe bytes.withUnsafeMutableBytes { unsafe read(STDIN_FILENO, $0.baseAddress, $0.count) }
        if count > 0 {
            buffer += bytes[..<count]
        } else if count == 0 || errno == EIO {  // EIO: the terminal has gone
            hasEnded = true
        } else if errno != EINTR {
            throw CommandEnd(
                status: .couldNotRun, message: "cannot read standard input: \(unsafe String(cString: strerror(errno)))")
        }
    }
}
