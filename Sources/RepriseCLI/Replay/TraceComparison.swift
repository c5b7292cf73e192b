internal import NIOCore
internal import Reprise

/// Compares the trace that this build gives with lines from elsewhere, and keeps the first that differ.
struct TraceComparison {
    /// The first difference.
    struct First {
        var position: Position
        /// The number of the line.
        var line: Int
        /// What the lines from elsewhere have; `nil` where they end.
        var expected: ByteBuffer?
        /// What this build gives; `nil` where it ends.
        var found: ByteBuffer?
    }

    private(set) var first: First?
    /// The last line of each session that agreed, and of how many events.
    private var lines = 0
    private var last = Position.zero
    private var expected: LineReader

    init(_ expected: LineReader) { self.expected = expected }

    /// Compares the traces of sessions, up to the first difference.
    mutating func run(_ log: EventLog, _ sessions: [Session]) throws {
        try log.trace(sessions) { position, line in
            let other = try expected.next()
            guard other == line else {
                first = First(position: position, line: lines + 1, expected: other, found: line)
                return false
            }
            lines += 1
            last = position
            return true
        }
        if first == nil, let rest = try expected.next() {
            first = First(position: last.next, line: lines + 1, expected: rest, found: nil)
        }
    }

    /// Prints the result.
    ///
    /// - Throws: `CommandEnd` with exit code 2 where there is a difference.
    func finish(names: (expected: String, found: String), json: Bool) throws {
        var output = StandardOutput()
        if json {
            output.buffer.beginJSON()
            output.buffer.writeJSON("lines", UInt64(lines))
            output.buffer.writeJSON("lastPosition", last.rawValue)
            output.buffer.writeJSONKey("first")
            if let first {
                output.buffer.beginJSON()
                output.buffer.writeJSON("position", first.position.rawValue)
                output.buffer.writeJSON("line", UInt64(first.line))
                write("expected", first.expected, to: &output.buffer)
                write("found", first.found, to: &output.buffer)
                output.buffer.endJSON()
            } else {
                output.buffer.writeString("null")
            }
            output.buffer.endJSON()
            try output.endLine()
        } else if let first {
            try output.print("\(first.position)  FIRST DIFFERENCE, line \(first.line); \(lines) lines before it agree")
            for (name, line) in [(names.expected, first.expected), (names.found, first.found)] {
                try output.print("\(first.position)  \(name): \(line.map { String(buffer: $0) } ?? "nothing more")")
            }
        } else {
            try output.print("\(last)  no difference between \(names.expected) and \(names.found): \(lines) lines")
        }
        try output.flush()
        if first != nil { throw CommandEnd(status: .divergence, message: nil) }
    }

    private func write(_ key: StaticString, _ line: ByteBuffer?, to buffer: inout ByteBuffer) {
        guard let line else { return buffer.writeJSONNull(key) }
        buffer.writeJSON(key, String(buffer: line))
    }
}
