internal import NIOCore

/// An entry of the catalogue: one run of a server.
public struct Session: Equatable, Sendable {
    /// The ordinal of the session in its log.
    public var id: SessionID
    /// The position of its `sessionStarted`.
    public var first: Position
    /// The position of its `sessionEnded`; `nil` while it runs, or when it crashed and nothing has recovered it.
    public var last: Position?
    /// When it started.
    public var startedAt: Timestamp
    /// When it ended.
    public var endedAt: Timestamp?
    /// Why it ended.
    public var cause: SessionEndCause?
}

extension Session {
    /// Shape, little-endian: `first u64 · last u64 (0: none) · startedAt i64 · endedAt i64 · cause u8 (0: none)`.
    func encoded() -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeInteger(first.rawValue, endianness: .little)
        buffer.writeInteger(last?.rawValue ?? 0, endianness: .little)
        buffer.writeInteger(startedAt.rawValue, endianness: .little)
        buffer.writeInteger(endedAt?.rawValue ?? 0, endianness: .little)
        buffer.writeInteger(cause?.rawValue ?? 0)
        return buffer
    }

    init(decoding fields: inout RecordFields, id: SessionID) throws(RecordDamage) {
        self.id = id
        first = Position(try fields.integer("first"))
        let last = Position(try fields.integer("last"))
        startedAt = Timestamp(rawValue: try fields.integer("startedAt"))
        let endedAt = Timestamp(rawValue: try fields.integer("endedAt"))
        let cause = try fields.byte("cause")
        if last > .zero {
            self.last = last
            self.endedAt = endedAt
            guard let cause = SessionEndCause(rawValue: cause) else { throw .invalid("cause") }
            self.cause = cause
        }
    }
}
