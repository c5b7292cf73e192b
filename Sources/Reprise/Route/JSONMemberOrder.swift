// The order of an object's members in JavaScript, restored behind the fact.

internal import NIOCore

/// Puts the members of an object that was written as it stood in the order of `JSON.stringify`. Holds its scratch.
struct JSONMemberOrder: Sendable {
    /// A member that stays.
    private struct Kept {
        /// The array index that its key spells, or `UInt32.max`, which is none.
        var index: UInt32
        /// Where it stands among its like: the place of its first value.
        var first: Int
        /// The place of its last value, which is the one that counts.
        var last: Int
    }

    private var kept: [Kept] = []
    /// Open addressing: places in `kept`, or −1.
    private var table: [Int] = []
    private var text = ByteBuffer()

    /// Of equal keys the last value wins, in the place of the first. Array indices (0…2³² − 2 in plain decimal) come first in
    /// ascending order, then the other keys as they came (ECMA-262, OrdinaryOwnPropertyKeys).
    ///
    /// - Parameter members: with canonical keys and values, a comma between them; the last one ends the output.
    mutating func restore(_ members: ArraySlice<JSONRewriter.Member>, in output: inout OutputRawSpan) {
        guard let start = members.first?.start else { return }
        keepDistinct(members, in: output.bytes)
        if kept.contains(where: { $0.index != .max }) {
            kept.sort { $0.index == $1.index ? $0.first < $1.first : $0.index < $1.index }
        }
        text.clear()
        for member in kept {
            if text.readableBytes > 0 { text.writeInteger(UInt8(ascii: ",")) }
            text.writeBytes(output.bytes.extracting(members[member.last].start..<members[member.last].end))
        }
        output.removeLast(output.byteCount &- start)
        output.writeBytes(text.readableBytesSpan)
    }

    /// Lists the members, those with equal keys once.
    private mutating func keepDistinct(_ members: ArraySlice<JSONRewriter.Member>, in bytes: RawSpan) {
        kept.removeAll(keepingCapacity: true)
        var tableSize = 16
        while tableSize < 2 &* members.count { tableSize &*= 2 }
        table.removeAll(keepingCapacity: true)
        table.append(contentsOf: repeatElement(-1, count: tableSize))
        func key(of place: Int) -> Range<Int> { members[place].start..<members[place].keyEnd }

        for place in members.indices {
            let own = key(of: place)
            // The seed of `Hasher` differs with each process: nobody can prepare keys that collide. Equality alone decides.
            var slot = JSONMemberOrder.hash(of: own, in: bytes) & (tableSize &- 1)
            while table[slot] >= 0,
                !JSONMemberOrder.areEqual(own, key(of: kept[table[slot]].first), in: bytes)
            {
                slot = (slot &+ 1) & (tableSize &- 1)
            }
            if table[slot] >= 0 {
                kept[table[slot]].last = place
            } else {
                table[slot] = kept.count
                kept.append(Kept(index: JSONMemberOrder.arrayIndex(of: own, in: bytes), first: place, last: place))
            }
        }
    }

    // MARK: Keys, with their quotes

    private static func hash(of key: Range<Int>, in bytes: RawSpan) -> Int {
        var hasher = Hasher()
        for offset in stride(from: key.lowerBound, to: key.upperBound, by: 8) {
            hasher.combine(bytes.jsonHead(from: offset, to: key.upperBound))
        }
        return hasher.finalize()
    }

    private static func areEqual(_ one: Range<Int>, _ other: Range<Int>, in bytes: RawSpan) -> Bool {
        guard one.count == other.count else { return false }
        for offset in stride(from: 0, to: one.count, by: 8)
        where bytes.jsonHead(from: one.lowerBound &+ offset, to: one.upperBound)
            != bytes.jsonHead(from: other.lowerBound &+ offset, to: other.upperBound)
        {
            return false
        }
        return true
    }

    /// The array index that a key spells: 0…4 294 967 294, no sign, no leading zero; else `UInt32.max`.
    private static func arrayIndex(of key: Range<Int>, in bytes: RawSpan) -> UInt32 {
        let digits = key.lowerBound &+ 1..<key.upperBound &- 1
        guard (1...10).contains(digits.count),
            digits.count == 1 || bytes.jsonByte(at: digits.lowerBound) != UInt8(ascii: "0")
        else { return .max }
        var index: UInt64 = 0
        for offset in digits {
            let byte = bytes.jsonByte(at: offset)
            guard JSONScanner.isDigit(byte) else { return .max }
            index = index &* 10 &+ UInt64(byte & 15)
        }
        return UInt32(clamping: index)
    }
}
