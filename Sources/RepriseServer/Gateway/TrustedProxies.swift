// Whose word is taken for where a client comes from: `--trusted-proxy`.

internal import Glibc
internal import NIOCore

/// The proxies whose `X-Forwarded-For` is believed.
public struct TrustedProxies: Equatable, Sendable, CustomStringConvertible {
    private var ranges: [AddressRange] = []

    /// Trusts nobody.
    public init() {}

    /// Reads addresses and `ADDRESS/BITS`; `nil` when one is neither.
    public init?(_ texts: [String]) {
        for text in texts {
            guard let range = AddressRange(text) else { return nil }
            ranges.append(range)
        }
    }

    /// The form that is read, with commas between.
    public var description: String { ranges.map(\.text).joined(separator: ",") }

    /// Where a client comes from whose socket has `peer` at its other end.
    ///
    /// Each proxy on the way has written behind the others whom it was called by, and what the client itself wrote comes first.
    /// So the fields are walked from the end, for as long as those who wrote them are trusted.
    ///
    /// - Parameter fields: the values of `X-Forwarded-For`, in order.
    func source(peer: String, fields: @autoclosure () -> [String]) -> String {
        guard !ranges.isEmpty, var source = IPAddress(peer), trusts(source) else { return peer }
        let entries = fields().flatMap { $0.split(separator: ",", omittingEmptySubsequences: false) }
        for entry in entries.reversed() {
            guard let address = IPAddress(forwarded: entry) else { break }
            source = address
            guard trusts(address) else { break }
        }
        return source.text
    }

    private func trusts(_ address: IPAddress) -> Bool { ranges.contains { $0.contains(address) } }
}

/// Addresses that begin with the same bits.
private struct AddressRange: Equatable, Sendable {
    let text: String
    private let bits: UInt128
    private let mask: UInt128

    init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = IPAddress(String(parts[0])) else { return nil }
        let width = address.isIPv4 ? 32 : 128
        var length = width
        if parts.count == 2 {
            guard parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }), let given = Int(parts[1]), given <= width
            else { return nil }
            length = given
        }
        self.text = text
        // Shifted by all bits, nothing is left.
        mask = UInt128.max << UInt128(width - length)
        bits = address.bits & mask
    }

    func contains(_ address: IPAddress) -> Bool { address.bits & mask == bits }
}

/// An address; one of IPv4 has the bits of its mapped form, `::ffff:192.0.2.1`, by which sockets of IPv6 know it.
private struct IPAddress {
    let bits: UInt128
    /// As the system writes it.
    let text: String
    let isIPv4: Bool

    init?(_ text: String) {
        var (four, six) = (UInt32(0), UInt128(0))
        if unsafe inet_pton(AF_INET, text, &four) == 1 {
            bits = 0xFFFF_0000_0000 | UInt128(UInt32(bigEndian: four))
            isIPv4 = true
        } else if unsafe inet_pton(AF_INET6, text, &six) == 1 {
            bits = UInt128(bigEndian: six)
            isIPv4 = false
        } else {
            return nil
        }
        guard let written = try? SocketAddress(ipAddress: text, port: 0).ipAddress else { return nil }
        self.text = written
    }

    /// Reads an entry of `X-Forwarded-For`. Some proxies write the port, too.
    init?(forwarded entry: Substring) {
        let text = String(entry).withoutBlanks
        if let address = IPAddress(text) {
            self = address
        } else if HostName.isValid(authority: text), let address = IPAddress(HostName(authority: text).text) {
            self = address
        } else {
            return nil
        }
    }
}
