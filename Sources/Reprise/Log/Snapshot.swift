// The projection at a position, so that state can be had without reading the log from the start.

internal import NIOCore

/// The live connection set at a position.
public struct Snapshot: Equatable, Sendable {
    /// A live connection and the position of its `connected`.
    public struct Entry: Equatable, Sendable {
        /// The connection.
        public var connection: ConnectionID
        /// The position of its `connected`.
        public var connectedAt: Position
    }

    /// The position after which the set was this.
    public var position: Position
    /// In order of connection.
    public var entries: [Entry]

    /// Takes a snapshot. Complexity: O(n log n) in the number of live connections.
    public init(of projection: Projection) {
        position = projection.position
        entries = projection.inOrder.map { Entry(connection: $0.connection, connectedAt: $0.connectedAt) }
    }

    /// The projection again.
    public var projection: Projection {
        var projection = Projection(position: position)
        for entry in entries { projection.open(entry.connection, at: entry.connectedAt) }
        return projection
    }
}

extension Snapshot {
    /// Shape: `count LEB128 · each id and connectedAt u64`, little-endian. The key is the position.
    func encoded() -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeLength(entries.count)
        for entry in entries {
            buffer.writeToken(entry.connection.token)
            buffer.writeInteger(entry.connectedAt.rawValue, endianness: .little)
        }
        return buffer
    }

    init(decoding fields: inout RecordFields, at position: Position) throws(RecordDamage) {
        self.position = position
        entries = []
        for _ in 0..<(try fields.length("entries")) {
            let connection = ConnectionID(token: try fields.token("connection"))
            entries.append(Entry(connection: connection, connectedAt: Position(try fields.integer("connectedAt"))))
        }
    }
}
