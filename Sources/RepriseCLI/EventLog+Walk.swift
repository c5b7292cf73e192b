internal import Reprise

extension EventLog {
    /// Gives events in order to `body`, from one position to another or to the end that the log has now.
    ///
    /// - Parameters:
    ///   - body: returns whether to go on.
    ///   - onDamage: is called before an error of the log is thrown, so that what was read before it can be printed.
    func walk(
        from first: Position?, through last: Position?, _ body: (Event) throws -> Bool,
        onDamage: () throws -> Void
    ) throws {
        guard let start = try firstPosition() else { return }
        let end = try last ?? tail().position
        do {
            var reader = try LogReader(self, from: max(first ?? start, start))
            while reader.next <= end {
                let events = try reader.read(through: end)
                if events.isEmpty { return }
                for event in events where try !body(event) { return }
                DamageTrap.note(reader.next.previous)
            }
        } catch let error as LogError {
            try onDamage()
            throw error
        }
    }
}
