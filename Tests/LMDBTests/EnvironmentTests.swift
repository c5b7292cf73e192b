import Foundation
import LMDB
import RepriseTesting
import Testing

@Suite struct `Environments` {
    private let folder = TemporaryFolder()

    private func failure(_ body: () throws(LMDBError) -> Void) -> LMDBError? {
        do throws(LMDBError) {
            try body()
            return nil
        } catch {
            return error
        }
    }

    @Test func `a folder that does not exist is named`() {
        let error = failure { () throws(LMDBError) in _ = try Environment(path: folder.path + "/absent") }
        #expect(error?.code == .noSuchFile)
        #expect(error?.description.contains("absent") == true)
        #expect(error?.description.contains("check the path") == true)
    }

    @Test func `a file that is not LMDB's is refused as invalid`() throws {
        try Data(repeating: 0x2A, count: 16_384).write(to: URL(fileURLWithPath: folder.path + "/data.mdb"))
        let error = failure { () throws(LMDBError) in _ = try folder.environment() }
        #expect(error?.code == .invalid)
        #expect(error?.remedy != nil)
    }

    @Test func `a read-only environment cannot be written`() throws {
        _ = try folder.environment().makeTable(keys: [1])
        let reader = try folder.environment(mapBytes: nil, readOnly: true)
        let error = failure { () throws(LMDBError) in _ = try WriteTransaction(reader) }
        #expect(error?.code == .accessDenied)
    }

    @Test func `a full map is named with its remedy, and the rest still reads`() throws {
        let environment = try folder.environment(mapBytes: 1 << 18)
        let table = try environment.makeTable(keys: [1])
        let error = failure { () throws(LMDBError) in
            let transaction = try WriteTransaction(environment)
            for key in 2...UInt64(1000) {
                try transaction.append(key, copyOf: [UInt8](repeating: 0, count: 4000), to: table)
            }
            try transaction.commit()
        }
        #expect(error?.code == .mapFull)
        #expect(error?.description.contains("--log-bytes") == true)
        #expect(try environment.value(for: 1, in: table) == Array("1".utf8))
        let next = try WriteTransaction(environment)
        try next.append(2, copyOf: [2], to: table)
        try next.commit()
        #expect(try environment.value(for: 2, in: table) == [2])
    }

    @Test func `a table of the other kind is incompatible`() throws {
        let environment = try folder.environment()
        let transaction = try WriteTransaction(environment)
        _ = try transaction.makeBytesTable("names")
        try transaction.commit()
        let error = failure { () throws(LMDBError) in
            _ = try ReadTransaction(environment).ordinalTable("names")
        }
        #expect(error == nil || error?.code == .incompatible)
        let absent = failure { () throws(LMDBError) in _ = try ReadTransaction(environment).ordinalTable("absent") }
        #expect(absent?.code == .notFound)
    }

    @Test func `more tables than allowed are refused with the remedy`() throws {
        let environment = try Environment(path: folder.path, options: .init(mapBytes: 1 << 20, tablesMax: 1))
        let error = failure { () throws(LMDBError) in
            let transaction = try WriteTransaction(environment)
            _ = try transaction.makeOrdinalTable("a")
            _ = try transaction.makeOrdinalTable("b")
        }
        #expect(error?.code == .tablesFull)
        #expect(error?.remedy != nil)
    }

    @Test func `more readers than allowed are refused with the remedy`() throws {
        let environment = try Environment(path: folder.path, options: .init(mapBytes: 1 << 20, readersMax: 1))
        let first = try ReadTransaction(environment)
        let error = failure { () throws(LMDBError) in _ = try ReadTransaction(environment) }
        #expect(error?.code == .readersFull)
        #expect(error?.remedy != nil)
        _ = first.mappedPageBytes
    }

    @Test func `used bytes grow with what is written, within the map`() throws {
        let environment = try folder.environment()
        let before = environment.info
        _ = try environment.makeTable(keys: Array(1...10_000))
        let after = environment.info
        #expect(after.usedBytes > before.usedBytes)
        #expect(after.usedBytes <= after.mapBytes)
        #expect(after.mapBytes == 1 << 24)
        #expect(after.pageBytes == environment.pageBytes)
    }

    @Test func `a copy holds the same entries`() throws {
        let environment = try folder.environment()
        _ = try environment.makeTable(keys: [1, 2])
        let target = TemporaryFolder()
        try environment.copy(to: target.path)
        let copy = try target.environment()
        let reader = try ReadTransaction(copy)
        let table = try reader.ordinalTable("table")
        try reader.commit()
        #expect(try copy.value(for: 2, in: table) == Array("2".utf8))
    }

    @Test func `stale readers are none where nobody died`() throws {
        #expect(try folder.environment().clearStaleReaders() == 0)
    }
}

@Suite struct `LMDB errors` {
    private static let codes: [LMDBError.Code] = [
        .keyExists, .notFound, .pageNotFound, .corrupted, .panic, .versionMismatch, .invalid, .mapFull, .tablesFull,
        .readersFull, .transactionFull, .cursorFull, .pageFull, .mapResized, .incompatible, .badReaderSlot,
        .badTransaction, .badValueSize, .badTable, .noSuchFile, .accessDenied, .readOnlyFileSystem,
        .temporarilyUnavailable, .outOfMemory, .noSpace, .quotaExceeded, .inputOutput,
    ]

    @Test(arguments: codes)
    func `every code has text and names its operation`(code: LMDBError.Code) {
        let error = LMDBError(code, in: "mdb_put")
        #expect(!error.text.isEmpty)
        #expect(!error.text.lowercased().contains("unknown"))
        #expect(error.description.hasPrefix("mdb_put: "))
        #expect(error.description.contains("(\(code.rawValue))"))
        if let remedy = error.remedy { #expect(error.description.hasSuffix("; " + remedy)) }
    }

    @Test func `no two codes share a number`() {
        #expect(Set(Self.codes).count == Self.codes.count)
    }
}
