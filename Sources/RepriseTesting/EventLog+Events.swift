public import Reprise

extension EventLog {
    /// Every event from `first` to the end; of the whole log where no position is given.
    ///
    /// - Throws: what `LogReader.read` throws.
    public func events(from first: Position? = nil) throws(LogError) -> [Event] {
        let start: Position = if let first { first } else { try firstPosition() ?? Position(1) }
        var reader = try LogReader(self, from: start)
        var events: [Event] = []
        while case let chunk = try reader.read(), !chunk.isEmpty { events += chunk }
        return events
    }
}
