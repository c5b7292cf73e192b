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
