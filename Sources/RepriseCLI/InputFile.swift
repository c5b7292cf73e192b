internal import Glibc
internal import NIOCore

/// A file, a pipe or standard input, read in pieces.
final class InputFile {
    /// What is read, for error lines.
    let name: String
    private let descriptor: Int32
    private let isOwned: Bool

    /// The most bytes of one read.
    private static let pieceBytes = 1 << 20

    /// Reads an open descriptor, which stays open.
    init(_ descriptor: Int32, name: String) {
        self.descriptor = descriptor
        self.name = name
        isOwned = false
    }

    /// Opens a file; `-` is standard input.
    init(path: String) throws {
        isOwned = path != "-"
        name = isOwned ? path : "standard input"
        descriptor = isOwned ? InputFile.retried { unsafe open(path, O_RDONLY | O_CLOEXEC) } : STDIN_FILENO
        if descriptor < 0 { throw failure() }
    }

    deinit {
        if isOwned, descriptor >= 0 { close(descriptor) }
    }

    /// Appends what comes next; waits for it.
    ///
    /// - Returns: whether there was anything, rather than the end. A read that was interrupted or that fails is no end.
    func read(into buffer: inout ByteBuffer) throws -> Bool {
        let count = try unsafe buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: InputFile.pieceBytes) { bytes in
            let count = InputFile.retried { unsafe Glibc.read(descriptor, bytes.baseAddress, bytes.count) }
            if count < 0 { throw failure() }
            return count
        }
        return count > 0
    }

    /// Makes a call again for as long as signals interrupt it.
    private static func retried<Result: SignedInteger>(_ call: () -> Result) -> Result {
        while true {
            let result = call()
            if result >= 0 || errno != EINTR { return result }
        }
    }

    private func failure() -> CommandEnd {
        CommandEnd(status: .couldNotRun, message: "cannot read \(name): \(unsafe String(cString: strerror(errno)))")
    }
}
