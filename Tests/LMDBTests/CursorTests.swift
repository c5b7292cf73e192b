import LMDB
import RepriseTesting
import Testing

@Suite struct `Cursors` {
    private let folder: TemporaryFolder
    private let environment: Environment
    private let table: OrdinalTable
    private let empty: OrdinalTable

    init() throws {
        folder = TemporaryFolder()
        environment = try folder.environment()
        table = try environment.makeTable(keys: [10, 20, 30])
        empty = try environment.makeTable("empty")
    }

    private func read<Result>(
        _ table: OrdinalTable, _ body: (inout Cursor) throws -> Result
    ) throws -> Result {
        try ReadTransaction(environment).withCursor(table, body)
    }

    @Test func `every entry is met in order, forward`() throws {
        let keys = try read(table) { cursor in
            var keys: [UInt64] = []
            var found = try cursor.first()
            while found {
                keys.append(cursor.key)
                found = try cursor.next()
            }
            return keys
        }
        #expect(keys == [10, 20, 30])
    }

    @Test func `every entry is met in order, backward`() throws {
        let keys = try read(table) { cursor in
            var keys: [UInt64] = []
            var found = try cursor.last()
            while found {
                keys.append(cursor.key)
                found = try cursor.previous()
            }
            return keys
        }
        #expect(keys == [30, 20, 10])
    }

    @Test(arguments: [(0, 10), (10, 10), (11, 20), (30, 30), (31, nil), (.max, nil)] as [(UInt64, UInt64?)])
    func `seek finds the key or the one above`(key: UInt64, found: UInt64?) throws {
        let result: UInt64? = try read(table) { try $0.seek(key) ? $0.key : nil }
        #expect(result == found)
    }

    @Test(arguments: [(0, nil), (9, nil), (10, 10), (11, 10), (29, 20), (30, 30), (.max, 30)] as [(UInt64, UInt64?)])
    func `seekBackward finds the key or the one below`(key: UInt64, found: UInt64?) throws {
        let result: UInt64? = try read(table) { try $0.seekBackward(key) ? $0.key : nil }
        #expect(result == found)
    }

    @Test func `values belong to their keys`() throws {
        let text = try read(table) { cursor in
            guard try cursor.seek(20) else { return "" }
            return cursor.withValue { unsafe $0.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) } }
        }
        #expect(text == "20")
    }

    /// Copies a run of `keys` whose values are their texts.
    private func copyRun(
        of table: OrdinalTable, from start: UInt64, through last: UInt64 = .max, countMax: Int = 100, room: Int = 100
    ) throws -> (text: String, ends: [Int], next: UInt64?) {
        var bytes = [UInt8](repeating: 0, count: room)
        var ends: [Int] = []
        let next: UInt64? = try read(table) { cursor in
            guard try cursor.seek(start) else { return nil }
            let found = try unsafe bytes.withUnsafeMutableBytes { buffer in
                var output = unsafe OutputRawSpan(buffer: buffer, initializedCount: 0)
                return try cursor.copyRun(through: last, countMax: countMax, to: &output, ends: &ends)
            }
            return found ? cursor.key : nil
        }
        return (String(decoding: bytes.prefix(ends.last ?? 0), as: UTF8.self), ends, next)
    }

    @Test func `a run ends before a gap, above the last key, with the count and where there is no room`() throws {
        let table = try environment.makeTable("run", keys: [1, 8, 9, 10, 11, 20])
        #expect(try copyRun(of: table, from: 8) == ("891011", [1, 2, 4, 6], 20))
        #expect(try copyRun(of: table, from: 8, through: 10) == ("8910", [1, 2, 4], 11))
        #expect(try copyRun(of: table, from: 8, countMax: 1) == ("8", [1], 9))
        #expect(try copyRun(of: table, from: 8, room: 3) == ("89", [1, 2], 10))
        #expect(try copyRun(of: table, from: 20) == ("20", [2], nil))
        #expect(try copyRun(of: table, from: 20, room: 1) == ("", [], 20))
    }

    @Test func `there is nothing in an empty table`() throws {
        let found = try read(empty) { cursor in
            [try cursor.first(), try cursor.last(), try cursor.seek(0), try cursor.seekBackward(.max)]
        }
        #expect(found == [false, false, false, false])
    }

    @Test func `a cursor in a write transaction sees what it wrote`() throws {
        let transaction = try WriteTransaction(environment)
        try transaction.append(40, copyOf: [4], to: table)
        let last: UInt64? = try transaction.withCursor(table) { try $0.last() ? $0.key : nil }
        #expect(last == 40)
    }
}
