internal import ArgumentParser

/// How fast a recording is played.
struct PlaySpeed: Equatable {
    /// Times faster than recorded; nil for as fast as it goes.
    var factor: Double?

    init(factor: Double?) { self.factor = factor }

    /// Reads `max`, or a number above 0 with or without an `x`.
    init(parsing text: String) throws {
        if text == "max" {
            factor = nil
            return
        }
        guard let number = Double(text.hasSuffix("x") ? text.dropLast() : text[...]), number > 0, number.isFinite else {
            throw ValidationError("a speed is 4x, 0.5x, 1 or max, unlike \(text)")
        }
        factor = number
    }
}

/// How `replay` goes through a recording.
enum ReplayPace: Equatable {
    /// As fast as it goes; nothing is printed but the report.
    case atOnce
    /// Events are printed when they are due, at so many times the recorded speed.
    case paced(Double)
    /// Events are printed when they are asked for.
    case step

    /// Reads `step`, or what `PlaySpeed` reads.
    init(parsing text: String) throws {
        if text == "step" {
            self = .step
        } else {
            self = try PlaySpeed(parsing: text).factor.map { .paced($0) } ?? .atOnce
        }
    }
}
