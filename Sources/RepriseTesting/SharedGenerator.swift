/// Seeded random bits that closures share.
///
/// `@unchecked Sendable`: a simulation, and a fuzzer, is one thread.
public final class SharedGenerator: @unchecked Sendable {
    private var generator: SeededGenerator

    /// Equal seeds give equal bits.
    public init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

    /// The next 64 bits.
    public func next() -> UInt64 { generator.next() }
}
