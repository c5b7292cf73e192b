internal import NIOCore

/// Whether a server ended its last run cleanly, and in which boot of the machine. Kept in `meta`.
public struct RunState: Equatable, Sendable {
    /// When commits reach the disk.
    public enum Durability: String, Sendable, CaseIterable {
        /// Synced before anything is delivered.
        case always
        /// Delivered after the commit, synced at an interval.
        case interval
        /// Never synced; for tests and upper bounds.
        case never
    }

    /// The boot id of the machine, or an empty text where the system has none.
    public var bootID: String
    /// How the run's commits reach the disk.
    public var durability: Durability
    /// Whether the run ended and everything was synced.
    public var isClean: Bool

    /// Makes a run state.
    public init(bootID: String, durability: Durability, isClean: Bool) {
        self.bootID = bootID
        self.durability = durability
        self.isClean = isClean
    }

    /// Whether the folder must be verified before it is used: the machine stopped under a run that did not sync
    /// every commit, so pages may have reached the disk in another order than they were written. Without boot ids it may
    /// have.
    public func needsVerification(currentBootID: String) -> Bool {
        !isClean && durability != .always && (bootID != currentBootID || currentBootID.isEmpty)
    }
}

extension RunState {
    /// Shape: `clean u8 · durability text · boot id text`.
    func encoded() -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeInteger((isClean ? 1 : 0) as UInt8)
        buffer.writeText(durability.rawValue)
        buffer.writeText(bootID)
        return buffer
    }

    init(decoding fields: inout RecordFields) throws(RecordDamage) {
        isClean = try fields.byte("clean") != 0
        guard let durability = Durability(rawValue: try fields.text("durability")) else {
            throw .invalid("durability")
        }
        self.durability = durability
        bootID = try fields.text("boot id")
    }
}
