// `D`: the running digest of everything that was ordered to be delivered. It digests the plan, not what left.

/// A running digest of deliveries since `sessionStarted`.
///
/// A position yields at most one delivery. For a delivery at position *p* to the recipients *R* of the WebSocket
/// payload *b* with opcode *o*: `D ← XXH64(D ‖ p ‖ |R| ‖ Σ XXH64(id of R) ‖ u8(o) ‖ XXH64(b))`, every number but *o* as 8
/// little-endian bytes. A delivery without recipients leaves `D` as it is.
public struct DeliveryDigest: Equatable, Sendable {
    /// `D`; 0 at `sessionStarted`.
    public private(set) var value: UInt64
    /// Recipients, summed over all deliveries.
    public private(set) var deliveries: UInt64

    /// The digest before the first delivery, or at a known point.
    public init(value: UInt64 = 0, deliveries: UInt64 = 0) {
        self.value = value
        self.deliveries = deliveries
    }

    /// Adds one delivery. Complexity: O(1), whatever the number of recipients, plus the hash of the payload.
    ///
    /// - Parameters:
    ///   - count: |R|.
    ///   - recipients: Σ XXH64(id of R), modulo 2⁶⁴.
    mutating func add(at position: Position, count: Int, recipients: UInt64, opcode: MessageOpcode, payload: RawSpan) {
        guard count > 0 else { return }
        deliveries += UInt64(count)
        let payloadHash = XXH64.hash(payload)
        // The opcode is one byte, so the payload's hash lies across a word's end.
        value = XXH64.hash(
            (value, position.rawValue, UInt64(count), recipients), UInt64(opcode.rawValue) | payloadHash << 8,
            UInt8(payloadHash >> 56))
    }
}
