package import NIOCore
package import Reprise

/// What the engine asks the machine that it runs on. Whoever answers otherwise decides everything that is not in the code:
/// with loops, sockets and a disk of its own, a simulation repeats a run exactly.
///
/// Any thread.
package struct Machine: Sendable {
    /// The wall clock.
    package var clock: @Sendable () -> Timestamp
    /// Random bits that nobody can guess.
    package var random: @Sendable () -> UInt64
    /// Changes with every boot; empty where the system has none.
    package var bootID: String
    /// The machine's name, for `sessionStarted`.
    package var name: String
    /// Whether many sends go to the kernel at once, where it takes that.
    package var batchesSends: Bool

    /// Who holds the other end of a connection within this machine, by the addresses of both ends.
    package var socketOwner: @Sendable (_ peer: SocketAddress?, _ local: SocketAddress?) -> SocketOwner

    /// The socket under a channel, which is sent to past the channel; `nil` where it has none.
    package var descriptor: @Sendable (any Channel) -> CInt?

    /// The socket that the channel itself speaks of. On its loop.
    package static let descriptorOfChannel: @Sendable (any Channel) -> CInt? = { channel in
        try? channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: CInt.self) { $0 }
    }

    /// Makes a machine.
    package init(
        clock: @escaping @Sendable () -> Timestamp, random: @escaping @Sendable () -> UInt64, bootID: String,
        name: String, batchesSends: Bool,
        socketOwner: @escaping @Sendable (_ peer: SocketAddress?, _ local: SocketAddress?) -> SocketOwner,
        descriptor: @escaping @Sendable (any Channel) -> CInt? = descriptorOfChannel
    ) {
        self.clock = clock
        self.random = random
        self.bootID = bootID
        self.name = name
        self.batchesSends = batchesSends
        self.socketOwner = socketOwner
        self.descriptor = descriptor
    }

    /// This machine.
    static var host: Machine {
        Machine(
            clock: { Host.now }, random: { .random(in: .min ... .max) }, bootID: Host.bootID, name: Host.name,
            batchesSends: true, socketOwner: { SocketOwner.of($0, connectedTo: $1) })
    }
}

/// A machine's randomness as a generator.
struct MachineRandom: RandomNumberGenerator {
    let machine: Machine

    mutating func next() -> UInt64 { machine.random() }
}
