internal import Reprise

/// Draws request and message ids. They must be unique, not secret, and there are two for every message: so a fast
/// generator, seeded once from the system (a system call per id would cost more than the rest of the gateway).
///
/// Owner: one event loop.
struct TokenSource {
    private let machine: Machine
    private var generator: Xoshiro256

    init(_ machine: Machine) {
        self.machine = machine
        generator = Xoshiro256(seededBy: MachineRandom(machine: machine))
    }

    mutating func requestID() -> RequestID { RequestID(using: &generator) }

    mutating func messageID() -> MessageID { MessageID(using: &generator) }

    /// Connection ids are handed to other people's systems, which may treat them as unguessable: from the system.
    func connectionID() -> ConnectionID {
        var system = MachineRandom(machine: machine)
        return ConnectionID(using: &system)
    }

    /// A random UUID (RFC 9562, version 4), the form of AWS request ids in HTTP headers.
    mutating func uuid() -> String {
        let high = generator.next() & ~0xF000 | 0x4000
        let low = generator.next() & ~(0b11 << 62) | 1 << 63
        let digits = HexDigest(rawValue: high).description + HexDigest(rawValue: low).description
        var text = ""
        for (index, digit) in digits.enumerated() {
            if [8, 12, 16, 20].contains(index) { text.append("-") }
            text.append(digit)
        }
        return text
    }
}

/// xoshiro256** by David Blackman and Sebastiano Vigna (https://prng.di.unimi.it, public domain).
private struct Xoshiro256: RandomNumberGenerator {
    private var state: (UInt64, UInt64, UInt64, UInt64)

    init(seededBy source: consuming some RandomNumberGenerator) {
        state = (source.next(), source.next(), source.next(), source.next() | 1)
    }

    mutating func next() -> UInt64 {
        func rotate(_ value: UInt64, _ bits: UInt64) -> UInt64 { value << bits | value >> (64 - bits) }
        let result = rotate(state.1 &* 5, 7) &* 9
        let shifted = state.1 << 17
        state.2 ^= state.0
        state.3 ^= state.1
        state.1 ^= state.2
        state.0 ^= state.3
        state.2 ^= shifted
        state.3 = rotate(state.3, 45)
        return result
    }
}
