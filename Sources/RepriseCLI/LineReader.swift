internal import NIOCore

/// The lines of a file or a pipe, read in pieces: memory is bounded by the longest line.
struct LineReader {
    /// The number of the line that was read last; the first is 1.
    private(set) var number = 0
    private let input: InputFile
    private var pending = ByteBuffer()
    private var isAtEnd = false

    /// The most bytes in one line.
    static let lineBytesMax = 64 << 20

    /// Reads a file or a pipe from where it stands.
    init(_ input: InputFile) { self.input = input }

    /// What is read, for error lines.
    var name: String { input.name }

    /// The next line without its line feed, or `nil` at the end.
    mutating func next() throws -> ByteBuffer? {
        var searched = 0
        while true {
            let view = pending.readableBytesView
            if let end = view[view.startIndex.advanced(by: searched)...].firstIndex(of: UInt8(ascii: "\n")) {
                let line = pending.readSlice(length: end - view.startIndex)
                pending.moveReaderIndex(forwardBy: 1)
                number += 1
                return line
            }
            searched = pending.readableBytes
            if isAtEnd {
                guard searched > 0 else { return nil }
                number += 1
                return pending.readSlice(length: searched)
            }
            guard searched <= LineReader.lineBytesMax else {
                throw CommandEnd(
                    status: .couldNotRun, message: "\(name):\(number + 1): the line is longer than 64 MiB")
            }
            try readPiece()
        }
    }

    /// Into storage of its own: lines that were given out share that of the piece before.
    private mutating func readPiece() throws {
        var buffer = ByteBuffer()
        buffer.writeImmutableBuffer(pending)
        isAtEnd = try !input.read(into: &buffer)
        pending = buffer
    }
}
