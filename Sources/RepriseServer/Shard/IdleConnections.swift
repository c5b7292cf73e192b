// The connections that have everything, as the fan-out wants them: their descriptors side by side. An idle connection
// costs a broadcast four bytes of memory traffic and one send; its object is not touched, because everything that
// a completed send changes (cursor, bytes sent, time of the last traffic) follows from the shard's own state.

internal import Reprise

/// The idle connections of a shard, in no particular order.
///
/// Owner: its shard, on its event loop.
struct IdleConnections {
    /// A connection whose socket did not take all of a run.
    struct Shortfall {
        /// Who.
        var connection: Connection
        /// What the kernel made of the send; never the whole run.
        var result: SendResult
    }

    /// Takes many sends at once; `nil` where the kernel never did.
    let queue: SendQueue?
    private var descriptors: ContiguousArray<CInt> = []
    private(set) var connections: ContiguousArray<Connection> = []

    /// None yet.
    ///
    /// - Parameter queue: `nil` sends to one connection after the other.
    init(queue: SendQueue? = SendQueue()) {
        self.queue = queue
    }

    /// Adds a connection that has everything and whose socket is usable. Does nothing if it is here already.
    mutating func insert(_ connection: Connection) {
        guard connection.idleIndex < 0 else { return }
        connection.idleIndex = connections.count
        descriptors.append(connection.descriptor)
        connections.append(connection)
    }

    /// Takes a connection out.
    ///
    /// - Returns: whether it was here.
    mutating func remove(_ connection: Connection) -> Bool {
        let index = connection.idleIndex
        guard index >= 0 else { return false }
        let last = connections.removeLast()
        let lastDescriptor = descriptors.removeLast()
        if index < connections.count {
            connections[index] = last
            descriptors[index] = lastDescriptor
            last.idleIndex = index
        }
        connection.idleIndex = -1
        return true
    }

    /// The hot loop: the same bytes to every idle connection.
    ///
    /// - Returns: the connections that are not idle any more. The caller takes them out.
    func send(_ bytes: UnsafeRawBufferPointer) -> [Shortfall] {
        var shortfalls: [Shortfall] = []
        var next = 0
        if let queue {
            while queue.isWorking, descriptors.count - next >= SendQueue.batchMin {
                let batch = next..<min(next + SendQueue.batchMax, descriptors.count)
                unsafe queue.send(bytes, to: descriptors.span.extracting(batch)) { index, result in
                    let connection = connections[batch.lowerBound + index]
                    shortfalls.append(Shortfall(connection: connection, result: result))
                }
                next = batch.upperBound
            }
        }
        for index in next..<descriptors.count {
            let result = unsafe SocketWriter.send(bytes, to: descriptors[index])
            if case .took(bytes.count) = result { continue }
            shortfalls.append(Shortfall(connection: connections[index], result: result))
        }
        return shortfalls
    }
}
