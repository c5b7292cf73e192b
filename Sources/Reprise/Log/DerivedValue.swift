// Values of derived tables are sealed: their last 8 bytes are XXH64 of what is before, seeded with the key. Damage to
// a checkpoint is thereby told apart from a replay that diverges from it.

internal import LMDB
internal import NIOCore

enum DerivedValue {
    /// The bytes to store under `key`.
    static func seal(_ content: ByteBuffer, key: UInt64) -> [UInt8] {
        var sealed = content
        sealed.writeInteger(XXH64.hash(content.readableBytesSpan, seed: key), endianness: .little)
        return Array(sealed.readableBytesView)
    }

    /// Checks the seal and lends the fields.
    ///
    /// - Throws: `derivedDamaged`, naming the table and the key.
    static func open<Value>(
        _ bytes: [UInt8], table: String, key: UInt64,
        _ decode: (inout RecordFields) throws(RecordDamage) -> Value
    ) throws(LogError) -> Value {
        let buffer = ByteBuffer(bytes: bytes)
        let contentCount = bytes.count - MemoryLayout<UInt64>.size
        guard contentCount >= 0,
            let seal = buffer.getInteger(at: contentCount, endianness: .little, as: UInt64.self),
            unsafe seal == XXH64.hash(bytes.span.bytes.extracting(first: contentCount), seed: key)
        else { throw .derivedDamaged(table: table, key: key, reason: "its checksum does not fit its bytes") }
        var fields = RecordFields(buffer, endIndex: contentCount)
        do throws(RecordDamage) {
            return try decode(&fields)
        } catch {
            throw .derivedDamaged(table: table, key: key, reason: error.description)
        }
    }
}
