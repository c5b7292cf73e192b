internal import Reprise
internal import RepriseTLS

extension IdleConnections {
    /// A connection with TLS whose socket did not take all of a run.
    struct SecureShortfall {
        /// Who.
        var connection: Connection
        /// Bytes of the run that have left.
        var bytesTaken = 0
        /// Bytes of the record that is in the way, as they were before it was sealed.
        var recordBytes: Int
        /// What became of that record; never `left`.
        var sending: SecureSending
    }

    /// The same bytes to every idle connection, sealed for each. A run is one record, unless it is longer than a record can be.
    ///
    /// - Returns: the connections that are not idle any more. The caller takes them out.
    func sendSecurely(_ run: RawSpan, through loop: SecureLoop) -> [SecureShortfall] {
        var shortfalls: [SecureShortfall] = []
        var next = 0
        if let queue, run.byteCount <= TLSSession.recordBytesMax {
            while queue.isWorking, connections.count - next >= SendQueue.batchMin {
                next = sendBatch(run, from: next, through: queue, &loop.batch, &shortfalls)
            }
        }
        for connection in connections[next...] {
            guard let socket = connection.secureSocket else { continue }
            var taken = 0
            while taken < run.byteCount {
                let count = min(TLSSession.recordBytesMax, run.byteCount - taken)
                let record = run.extracting(taken..<taken + count)
                let sending = socket.send(record, to: connection.descriptor)
                guard case .left = sending else {
                    shortfalls.append(
                        SecureShortfall(
                            connection: connection, bytesTaken: taken, recordBytes: count, sending: sending))
                    break
                }
                taken += count
            }
        }
        return shortfalls
    }

    /// One record to each of as many connections as a batch holds.
    ///
    /// - Returns: the first that was not sent it.
    private func sendBatch(
        _ record: RawSpan, from first: Int, through queue: SendQueue, _ batch: inout SecureBatch,
        _ shortfalls: inout [SecureShortfall]
    ) -> Int {
        let recordBytes = record.byteCount
        var next = first
        var broken: [Int] = []
        batch.clear()
        while next < connections.count, !batch.isFull {
            let connection = connections[next]
            let isAdded = connection.secureSocket.map { batch.add(record, of: $0, to: connection.descriptor) }
            if isAdded != true {
                broken.append(next)
                shortfalls.append(
                    SecureShortfall(connection: connection, recordBytes: recordBytes, sending: .failed))
            }
            next += 1
        }
        batch.send(through: queue) { index, sending in
            // Those whose session is broken are not in the batch.
            let place = broken.reduce(first + index) { $1 <= $0 ? $0 + 1 : $0 }
            shortfalls.append(
                SecureShortfall(connection: connections[place], recordBytes: recordBytes, sending: sending))
        }
        return next
    }
}
