internal import Reprise
internal import RepriseTLS

extension IdleConnections {
    /// A connection with TLS whose socket did not take all of a run.
    struct SecureShortfall {
        /// Who.
        var connection: Connection
        /// Bytes of the run that have left.
        var bytesTaken: Int
        /// Bytes of the record that is in the way, as they were before it was sealed.
        var recordBytes: Int
        /// What became of that record; never `left`.
        var sending: SecureSending
    }

    /// The same bytes to every idle connection, sealed for each. A run is one record, unless it is longer than a record can be.
    ///
    /// - Returns: the connections that are not idle any more. The caller takes them out.
    func sendSecurely(_ run: RawSpan) -> [SecureShortfall] {
        var shortfalls: [SecureShortfall] = []
        for connection in connections {
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
}
