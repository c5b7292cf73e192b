// Between LMDB's `MDB_val` and spans. A value that a damaged page makes reach past its page is refused here, so
// that damage is an error and not a stray read.

internal import CLMDB

/// Bytes before the first byte of data on an overflow page (`PAGEHDRSZ` in `mdb.c`).
private let overflowHeaderBytes = 16
/// `P_OVERFLOW` in `mdb.c`.
private let overflowFlag: UInt16 = 0x04

extension MDB_val {
    init(_ bytes: UnsafeRawBufferPointer) {
        unsafe self.init(mv_size: bytes.count, mv_data: UnsafeMutableRawPointer(mutating: bytes.baseAddress))
    }

    /// The bytes, valid until the transaction ends or, in a write transaction, until the next change.
    ///
    /// Shape (mdb.c): a small value lies within one page; a large one starts 16 bytes into a run of overflow pages
    /// whose first header gives their number.
    ///
    /// - Parameter pageBytes: bytes per page of the map that holds the value; `nil` skips the check.
    /// - Throws: `corrupted` when the value reaches past the page or the run that holds it.
    func bytes(pageBytes: Int?) throws(LMDBError) -> UnsafeRawBufferPointer {
        guard let start = unsafe mv_data else { return unsafe UnsafeRawBufferPointer(start: nil, count: 0) }
        let size = unsafe mv_size
        guard let pageBytes else { return unsafe UnsafeRawBufferPointer(start: start, count: size) }
        let offset = Int(bitPattern: start) & (pageBytes - 1)
        var room = pageBytes - offset
        if offset == overflowHeaderBytes {
            let header = unsafe start - overflowHeaderBytes
            let flags = unsafe header.loadUnaligned(fromByteOffset: 10, as: UInt16.self)
            let pages = unsafe header.loadUnaligned(fromByteOffset: 12, as: UInt32.self)
            guard flags & overflowFlag != 0 else { throw LMDBError(.corrupted, in: "read of a value") }
            room = Int(pages) * pageBytes - overflowHeaderBytes
        }
        guard size <= room else { throw LMDBError(.corrupted, in: "read of a value") }
        return unsafe UnsafeRawBufferPointer(start: start, count: size)
    }
}
