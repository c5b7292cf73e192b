internal import Glibc

/// A small file that other users must not be able to read.
enum SecretFile {
    /// Why it was not read.
    struct Problem: Error {
        var reason: String
    }

    /// The bytes of a file. What is looked at is the file that was opened: a name may mean another one a moment later.
    static func read(_ path: String, bytesMax: Int) throws(Problem) -> [UInt8] {
        // A pipe without a writer would otherwise be waited for.
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw Problem(reason: Host.text(ofError: errno)) }
        defer { close(descriptor) }
        var found = stat()
        guard unsafe fstat(descriptor, &found) == 0 else { throw Problem(reason: Host.text(ofError: errno)) }
        guard found.st_mode & S_IFMT == S_IFREG else { throw Problem(reason: "it is no regular file") }
        guard found.st_mode & 0o077 == 0 else {
            throw Problem(reason: "its mode lets other users at it; chmod 600 \(path)")
        }
        var bytes = [UInt8](repeating: 0, count: bytesMax + 1)
        var count = 0
        while count < bytes.count {
            let read = unsafe bytes.withUnsafeMutableBytes { room in
                unsafe Glibc.read(descriptor, room.baseAddress?.advanced(by: count), room.count - count)
            }
            if read < 0, errno == EINTR { continue }
            guard read >= 0 else { throw Problem(reason: Host.text(ofError: errno)) }
            if read == 0 { break }
            count += read
        }
        guard count <= bytesMax else { throw Problem(reason: "it has more than \(bytesMax) bytes") }
        return Array(bytes.prefix(count))
    }
}
