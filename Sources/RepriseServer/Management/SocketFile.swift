// A unix socket that has a file, as `--admin unix:/path` asks for.

internal import Glibc

/// A unix socket that is bound to a file of mode 0600.
struct SocketFile: Sendable {
    /// Why there can be none.
    struct Problem: Error {
        var reason: String
    }

    let path: String
    let descriptor: CInt
    private let file: File

    /// Which file it is: another server may have put its own in the place. No other file gets the number while the socket is
    /// open.
    private struct File: Equatable {
        var device: dev_t
        var number: ino_t
    }

    /// Binds, and does not listen: nobody can connect before the file has its mode.
    init(binding path: String) throws(Problem) {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { name in
            unsafe name.copyBytes(from: path.utf8.prefix(AdminAddress.pathBytesMax))
        }
        try SocketFile.removeLeftOver(at: path, address)
        let descriptor = SocketFile.makeSocket()
        // Linux gives the file the mode of the socket. A path could be another file meanwhile.
        guard descriptor >= 0, fchmod(descriptor, S_IRUSR | S_IWUSR) == 0,
            unsafe SocketFile.call(bind, descriptor, address) == 0, let file = SocketFile.status(of: path)?.file
        else {
            let reason = Host.text(ofError: errno)
            if descriptor >= 0 { close(descriptor) }
            throw Problem(reason: reason)
        }
        self.path = path
        self.descriptor = descriptor
        self.file = file
    }

    /// Removes the file, if it is still this one. Before the socket is closed.
    func remove() {
        if SocketFile.status(of: path)?.file == file { unsafe unlink(path) }
    }

    /// A server that was killed has left its file. One that nobody listens on goes; what is something else stays.
    private static func removeLeftOver(at path: String, _ address: sockaddr_un) throws(Problem) {
        guard let found = status(of: path) else { return }
        guard found.isSocket else { throw Problem(reason: "it is there already, and is no socket") }
        let probe = makeSocket()
        guard probe >= 0 else { throw Problem(reason: Host.text(ofError: errno)) }
        defer { close(probe) }
        let error = unsafe call(connect, probe, address) == 0 ? 0 : errno
        switch error {
        case 0, EAGAIN: throw Problem(reason: "another process listens there")
        case ENOENT: return
        case ECONNREFUSED:
            guard unsafe unlink(path) == 0 || errno == ENOENT else { throw Problem(reason: Host.text(ofError: errno)) }
        default: throw Problem(reason: Host.text(ofError: error))
        }
    }

    private static func makeSocket() -> CInt {
        socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
    }

    private static func call(
        _ function: (CInt, UnsafePointer<sockaddr>?, socklen_t) -> CInt, _ descriptor: CInt, _ address: sockaddr_un
    ) -> CInt {
        unsafe withUnsafePointer(to: address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe function(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }

    private static func status(of path: String) -> (file: File, isSocket: Bool)? {
        var found = stat()
        guard unsafe lstat(path, &found) == 0 else { return nil }
        return (File(device: found.st_dev, number: found.st_ino), found.st_mode & S_IFMT == S_IFSOCK)
    }
}
