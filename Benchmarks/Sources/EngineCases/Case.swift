// One thing to measure: prepared once, then done many times.

/// Something that the engine does often, and how to do it often.
public struct Case: Sendable {
    /// What one operation is.
    public let name: String
    /// How many operations an iteration does: so many that what an iteration costs once disappears.
    public let operations: Int
    private let make: @Sendable (_ operations: Int) throws -> Work

    /// - Parameter make: prepares what is used again and again.
    init(_ name: String, operations: Int = 1000, _ make: @escaping @Sendable (_ operations: Int) throws -> Work) {
        self.name = "\(name) ×\(operations)"
        self.operations = operations
        self.make = make
    }

    /// Prepares what every iteration uses.
    public func work() throws -> Work { try make(operations) }

    /// All of them, in the order of the engine's folders.
    public static var all: [Case] { counter + events + log + broadcast + outbox + inbound }
}

/// What an iteration does.
public struct Work {
    /// Makes ready for one iteration; not measured.
    public var prepare: () throws -> Void = {}
    /// The operations.
    public var run: () throws -> Void
}

/// Keeps the compiler from removing what gave `value`.
@_optimize(none)
func consume(_ value: some Any) {}
