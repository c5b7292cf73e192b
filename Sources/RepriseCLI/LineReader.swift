internal import Foundation
internal import NIOCore

/// The lines of a file or a pipe, read in pieces: memory is bounded by the longest line.
struct LineReader {
    /// The number of the line that was read last; the first is 1.
    private(set) var number = 0
    /// What is read, for error lines.
    let name: String
    private let handle: FileHandle
    private var pending = ByteBuffer()
    private var isAtEnd = false

    private static let pieceBytes = 1 << 20
    /// The most bytes in one line.
    static let lineBytesMax = 64 << 20

    /// Reads a pipe.
    init(_ handle: FileHandle, name: String) {
        self.handle = handle
        self.name = name
    }

    /// Reads a file; `-` is standard input.
    init(path: String) throws {
        if path == "-" {
            self.init(.standardInput, name: "standard input")
        } else {
            guard let handle = FileHandle(forReadingAtPath: path) else {
                throw CommandEnd(
                    status: .couldNotRun, message: "cannot read \(path): there is no such file, or no right")
            }
            self.init(handle, name: path)
        }
    }

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
        let piece: Data?
        do {
            piece = try handle.read(upToCount: LineReader.pieceBytes)
        } catch {
            throw CommandEnd(status: .couldNotRun, message: "cannot read \(name): \(error.localizedDescription)")
        }
        guard let piece, !piece.isEmpty else { return isAtEnd = true }
        var buffer = ByteBuffer()
        buffer.reserveCapacity(pending.readableBytes + piece.count)
        buffer.writeImmutableBuffer(pending)
        buffer.writeBytes(piece)
        pending = buffer
    }
}
