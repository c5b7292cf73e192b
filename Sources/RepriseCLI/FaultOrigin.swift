internal import Glibc

/// Whether a fault says something of a log: an access to its map, or one that LMDB made. A damaged page can lead LMDB to where
/// the file has ended, or to a cursor that is not there.
///
/// The kernel is asked after the fault, since LMDB does not say where its map is.
enum FaultOrigin {
    /// A part of `/proc/self/maps`.
    private nonisolated(unsafe) static let part = UnsafeMutableRawBufferPointer.allocate(byteCount: 4096, alignment: 1)

    /// Makes room, so that a signal handler need not.
    static func prepare() { unsafe part.initializeMemory(as: UInt8.self, repeating: 0) }

    /// For a signal handler: what `signal-safety(7)` allows, no allocation and no lock.
    ///
    /// - Parameters:
    ///   - address: what was accessed.
    ///   - instruction: the place of the code that accessed it.
    static func isLog(address: UInt, instruction: UInt) -> Bool {
        let descriptor = unsafe open("/proc/self/maps", O_RDONLY | O_CLOEXEC)
        if descriptor < 0 { return false }
        defer { close(descriptor) }
        var map = Map()
        while true {
            let count = unsafe read(descriptor, part.baseAddress, part.count)
            if count <= 0 { return false }
            var index = 0
            while index < count {
                if unsafe map.take(part[index]) {
                    if map.isLog, map.contains(address) { return true }
                    if map.isLMDB, map.contains(instruction) { return true }
                    map = Map()
                }
                index += 1
            }
        }
    }

    /// One map, read byte by byte from a line such as `7f00a000-7f00c000 r--s 00000000 fe:01 42     /srv/data/data.mdb`. A file
    /// that was replaced, as by `log trim`, has ` (deleted)` behind it.
    private struct Map {
        private var start: UInt = 0
        private var end: UInt = 0
        private var numbers = 0
        private var log = Word("/data.mdb")
        private var library = Word("/liblmdb.so")

        var isLog: Bool { log.wasFound }
        var isLMDB: Bool { library.wasFound }

        func contains(_ address: UInt) -> Bool { start <= address && address < end }

        /// - Returns: whether the line has ended.
        mutating func take(_ byte: UInt8) -> Bool {
            switch byte {
            case UInt8(ascii: "\n"): return true
            case UInt8(ascii: "-") where numbers == 0, UInt8(ascii: " ") where numbers == 1: numbers += 1
            case _ where numbers == 0: start = start << 4 | Map.value(ofDigit: byte)
            case _ where numbers == 1: end = end << 4 | Map.value(ofDigit: byte)
            default:
                log.take(byte)
                library.take(byte)
            }
            return false
        }

        private static func value(ofDigit byte: UInt8) -> UInt {
            UInt(byte < UInt8(ascii: "a") ? byte &- UInt8(ascii: "0") : byte &- UInt8(ascii: "a") &+ 10)
        }
    }

    /// A text that is looked for; it has one slash, at its beginning.
    private struct Word {
        private let text: StaticString
        private var matched = 0

        init(_ text: StaticString) { self.text = text }

        var wasFound: Bool { matched == text.utf8CodeUnitCount }

        mutating func take(_ byte: UInt8) {
            if wasFound { return }
            let isNext = unsafe text.utf8Start[matched] == byte
            matched = isNext ? matched + 1 : byte == UInt8(ascii: "/") ? 1 : 0
        }
    }
}
