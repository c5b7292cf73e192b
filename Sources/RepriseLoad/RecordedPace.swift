/// How fast the steps of a recording are done again.
struct RecordedPace: Equatable, Sendable {
    /// How many times faster than recorded; nil for as fast as it goes.
    let speed: Double?

    /// - Throws: ``LoadError/invalidPlan(_:)`` for a speed that is none.
    init(_ speed: Double?) throws(LoadError) {
        if let speed, !(speed > 0 && speed.isFinite) {
            throw .invalidPlan("a speed is a number above 0, such as 4, or max")
        }
        self.speed = speed
    }

    /// Nanoseconds from the start of the run to a recorded time; 0 where there is no pace to keep.
    func due(_ time: Int) -> Int { speed.map { Int(Double(time) / $0) } ?? 0 }
}
