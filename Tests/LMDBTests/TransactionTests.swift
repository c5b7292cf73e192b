import LMDB
import RepriseTesting
import Testing

@Suite struct `Transactions` {
    private let folder: TemporaryFolder
    private let environment: Environment
    private let table: OrdinalTable

    init() throws {
        folder = TemporaryFolder()
        environment = try folder.environment()
        table = try environment.makeTable()
    }

    @Test func `what was committed can be read`() throws {
        let transaction = try WriteTransaction(environment)
        try transaction.put([1, 2, 3], for: 7, in: table)
        try transaction.commit()
        #expect(try environment.value(for: 7, in: table) == [1, 2, 3])
    }

    @Test func `a write transaction that is dropped changes nothing`() throws {
        do {
            let transaction = try WriteTransaction(environment)
            try transaction.put([1], for: 7, in: table)
            #expect(try transaction.value(for: 7, in: table) == [1])
        }
        #expect(try environment.value(for: 7, in: table) == nil)
    }

    @Test func `a write transaction that throws half way changes nothing`() throws {
        #expect(throws: LMDBError.self) {
            let transaction = try WriteTransaction(environment)
            try transaction.append(7, copyOf: [1], to: table)
            try transaction.append(6, copyOf: [1], to: table)
            try transaction.commit()
        }
        #expect(try environment.value(for: 7, in: table) == nil)
    }

    @Test func `a reader sees the moment at which it began`() throws {
        let before = try ReadTransaction(environment)
        let write = try WriteTransaction(environment)
        try write.put([1], for: 1, in: table)
        try write.commit()
        let after = try ReadTransaction(environment)
        #expect(try before.value(for: 1, in: table) == nil)
        #expect(try before.count(table) == 0)
        #expect(try after.value(for: 1, in: table) == [1])
        #expect(try after.count(table) == 1)
    }

    @Test func `a value is replaced`() throws {
        for value in [[1], [2, 2], []] as [[UInt8]] {
            let transaction = try WriteTransaction(environment)
            try transaction.put(value, for: 1, in: table)
            try transaction.commit()
            #expect(try environment.value(for: 1, in: table) == value)
        }
    }

    @Test func `byte keys are found and replaced`() throws {
        let transaction = try WriteTransaction(environment)
        let names = try transaction.makeBytesTable("names")
        try transaction.put([1], for: Array("a".utf8), in: names)
        try transaction.put([2], for: Array("a".utf8), in: names)
        try transaction.put([3], for: Array("b".utf8), in: names)
        try transaction.commit()
        let read = try ReadTransaction(environment)
        #expect(try read.value(for: Array("a".utf8), in: names) == [2])
        #expect(try read.value(for: Array("b".utf8), in: names) == [3])
        #expect(try read.value(for: Array("c".utf8), in: names) == nil)
    }

    @Test func `an empty byte key is refused`() throws {
        let transaction = try WriteTransaction(environment)
        let names = try transaction.makeBytesTable("names")
        let error = #expect(throws: LMDBError.self) { try transaction.put([1], for: [], in: names) }
        #expect(error?.code == .badValueSize)
    }

    @Test func `all entries of a table are removed, and it stays open`() throws {
        let write = try WriteTransaction(environment)
        try write.append(5, copyOf: [1], to: table)
        try write.removeAll(table)
        try write.append(3, copyOf: [3], to: table)
        try write.commit()
        let read = try ReadTransaction(environment)
        #expect(try read.count(table) == 1)
        #expect(try read.value(for: 3, in: table) == [3])
    }

    @Test func `a table that a reader opened may be used later if the reader was committed`() throws {
        let other = try folder.environment()
        let reader = try ReadTransaction(other)
        let opened = try reader.ordinalTable("table")
        try reader.commit()
        #expect(try ReadTransaction(other).count(opened) == 0)
    }

    @Test func `a table that a reader opened is closed again if the reader was dropped`() throws {
        let other = try folder.environment()
        let opened: OrdinalTable
        do { opened = try ReadTransaction(other).ordinalTable("table") }
        #expect(throws: LMDBError.self) { try ReadTransaction(other).count(opened) }
    }
}

@Suite struct `Appending` {
    private let folder: TemporaryFolder
    private let environment: Environment
    private let table: OrdinalTable

    init() throws {
        folder = TemporaryFolder()
        environment = try folder.environment()
        table = try environment.makeTable(keys: [10])
    }

    @Test(arguments: [10, 9, 0] as [UInt64])
    func `a key that is not above the last is refused as keyExists`(key: UInt64) throws {
        let transaction = try WriteTransaction(environment)
        let error = #expect(throws: LMDBError.self) {
            try transaction.append(key, copyOf: [1], to: table)
        }
        #expect(error?.code == .keyExists)
    }

    @Test func `keys are sorted as numbers, beyond a byte`() throws {
        let transaction = try WriteTransaction(environment)
        for key in [11, 255, 256, 65_535, 65_536, .max] as [UInt64] {
            try transaction.append(key, copyOf: [], to: table)
        }
        try transaction.commit()
        #expect(try ReadTransaction(environment).count(table) == 7)
    }

    @Test func `one appender takes many values, over many pages, while another table changes`() throws {
        let other = try environment.makeTable("other")
        let bytes = [UInt8](repeating: 7, count: 1000)
        let transaction = try WriteTransaction(environment)
        try transaction.withAppender(to: table) { appender throws(LMDBError) in
            for key in 11...1010 as ClosedRange<UInt64> {
                try unsafe appender.append(key, bytes: bytes.span.bytes)
                try transaction.put([1], for: key, in: other)
            }
        }
        try transaction.commit()
        #expect(try ReadTransaction(environment).count(table) == 1001)
        #expect(try ReadTransaction(environment).count(other) == 1000)
        #expect(try environment.value(for: 1010, in: table) == bytes)
    }

    @Test func `an appender refuses a key that is not above its last`() throws {
        let transaction = try WriteTransaction(environment)
        let error = #expect(throws: LMDBError.self) {
            try transaction.withAppender(to: table) { appender throws(LMDBError) in
                try unsafe appender.append(12, bytes: [1].span.bytes)
                try unsafe appender.append(11, bytes: [1].span.bytes)
            }
        }
        #expect(error?.code == .keyExists)
    }

    @Test func `reserved space is filled in place`() throws {
        let transaction = try WriteTransaction(environment)
        try transaction.withAppender(to: table) { appender throws(LMDBError) in
            try appender.append(11, byteCount: 3) { page in
                unsafe page.append(1, as: UInt8.self)
                unsafe page.append(2, as: UInt8.self)
                unsafe page.append(3, as: UInt8.self)
            }
        }
        try transaction.commit()
        #expect(try environment.value(for: 11, in: table) == [1, 2, 3])
    }

    @Test func `reserved space that is not filled traps`() async {
        await #expect(processExitsWith: .failure) {
            let folder = TemporaryFolder()
            let environment = try folder.environment()
            let table = try environment.makeTable()
            let transaction = try WriteTransaction(environment)
            try transaction.withAppender(to: table) { appender throws(LMDBError) in
                try appender.append(1, byteCount: 3) { page in unsafe page.append(1, as: UInt8.self) }
            }
        }
    }

    @Test(arguments: [0, 1, 2030, 2038, 2039, 4080, 4081, 100_000, 5_000_000])
    func `values of any size come back, on overflow pages too`(byteCount: Int) throws {
        let bytes = (0..<byteCount).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let transaction = try WriteTransaction(environment)
        try transaction.append(11, copyOf: bytes, to: table)
        try transaction.append(12, copyOf: [7], to: table)
        try transaction.commit()
        #expect(try environment.value(for: 11, in: table) == bytes)
        #expect(try environment.value(for: 12, in: table) == [7])
    }
}
