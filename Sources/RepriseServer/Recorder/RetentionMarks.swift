internal import NIOCore
internal import Reprise

/// What was in the log when, by the loop's clock, which nobody sets. Where the wall clock has been ahead once, times of events say
/// nothing of their age; but what was in the log a week ago is a week old at least.
///
/// Kept in memory: after a restart all that the log holds counts as new here.
struct RetentionMarks {
    private let age: TimeAmount
    /// The oldest first.
    private var marks: [(position: Position, seen: NIODeadline)] = []

    /// So many marks are made in the time after which events are too old: they are trimmed at most a sixteenth later.
    static let marksPerAge: Int64 = 16

    init(age: TimeAmount) { self.age = age }

    /// How many there are.
    var count: Int { marks.count }

    /// Notes where the log ends now, and tells what is too old.
    ///
    /// - Returns: the last position that this server has seen for longer than the age.
    mutating func aged(tail: Position, now: NIODeadline) -> Position? {
        let spacing = TimeAmount.nanoseconds(age.nanoseconds / RetentionMarks.marksPerAge)
        if marks.last.map({ now - $0.seen >= spacing }) ?? true { marks.append((tail, now)) }
        guard let last = marks.lastIndex(where: { now - $0.seen > age }) else { return nil }
        marks.removeFirst(last)  // it stays itself: it goes on being true
        return marks[0].position
    }
}
