import Glibc

/// A non-blocking TCP socket's calls, each as a named outcome. A connection stores the descriptor; these functions
/// keep no state.
///
/// This file's `unsafe` is passing addresses of local structures and of lent buffers to the kernel for one call.
enum LoadSocket {
    /// What a read or a write came to.
    enum Outcome: Equatable {
        /// So many bytes, at least one.
        case bytes(Int)
        /// Nothing now: wait for the next event.
        case wouldBlock
        /// The peer has ended its side (reads only).
        case ended
        /// The connection failed; the error number.
        case failed(Int32)
    }

    /// Opens a socket and starts to connect it. The outcome shows when it becomes writable (``connectError(_:)``).
    ///
    /// - Parameters:
    ///   - target: where to.
    ///   - source: local IPv4 address in host order, or 0 for the system's choice.
    /// - Throws: ``LoadError/system(operation:code:)`` when no descriptor or port is left, or at once refused.
    static func connect(to target: LoadTarget, source: UInt32) throws(LoadError) -> Int32 {
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = socket(AF_INET, kind, 0)
        guard descriptor >= 0 else { throw .system(operation: "socket", code: errno) }
        set(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        if source != 0 {
            set(descriptor, Int32(IPPROTO_IP), IP_BIND_ADDRESS_NO_PORT, 1)
            let bound = unsafe withAddress(source, port: 0) { unsafe bind(descriptor, $0, $1) }
            guard bound == 0 else { throw closing(descriptor, "bind") }
        }
        let connected = unsafe withAddress(target.address, port: target.port) {
            unsafe Glibc.connect(descriptor, $0, $1)
        }
        guard connected == 0 || errno == EINPROGRESS else { throw closing(descriptor, "connect") }
        return descriptor
    }

    /// The error with which a connect ended; 0 for none.
    static func connectError(_ descriptor: Int32) -> Int32 {
        var code: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        let result = unsafe getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &size)
        return result == 0 ? code : errno
    }

    /// Sends the bytes from `start` on.
    static func send(_ descriptor: Int32, _ bytes: [UInt8], from start: Int) -> Outcome {
        precondition(start < bytes.count, "nothing to send: \(start) of \(bytes.count)")
        let count = unsafe bytes.withUnsafeBytes { buffer in
            guard let base = buffer.baseAddress else { return 0 }
            return unsafe Glibc.send(descriptor, base + start, buffer.count - start, Int32(MSG_NOSIGNAL))
        }
        return count > 0 ? .bytes(count) : outcome(ofErrorNumber: errno)
    }

    /// Resolves a host name to an IPv4 address in host order; nil if there is none. Blocks as long as the resolver does.
    static func resolve(_ host: String) -> UInt32? {
        var hints = unsafe addrinfo()
        unsafe hints.ai_family = AF_INET
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard unsafe getaddrinfo(host, nil, &hints, &list) == 0, let first = unsafe list else { return nil }
        defer { unsafe freeaddrinfo(list) }
        guard let address = unsafe first.pointee.ai_addr else { return nil }
        return unsafe address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
            unsafe UInt32(bigEndian: $0.pointee.sin_addr.s_addr)
        }
    }

    /// Gives a descriptor back.
    static func close(_ descriptor: Int32) {
        _ = Glibc.close(descriptor)
    }

    fileprivate static func outcome(ofErrorNumber code: Int32) -> Outcome {
        code == EAGAIN || code == EWOULDBLOCK || code == EINTR ? .wouldBlock : .failed(code)
    }

    private static func set(_ descriptor: Int32, _ level: Int32, _ option: Int32, _ value: Int32) {
        var value = value
        _ = unsafe setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
    }

    private static func closing(_ descriptor: Int32, _ operation: String) -> LoadError {
        let code = errno
        close(descriptor)
        return .system(operation: operation, code: code)
    }

    private static func withAddress(
        _ address: UInt32, port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        var structure = sockaddr_in()
        structure.sin_family = sa_family_t(AF_INET)
        structure.sin_port = port.bigEndian
        structure.sin_addr.s_addr = address.bigEndian
        return unsafe withUnsafePointer(to: &structure) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }
}

/// The one buffer that all connections are read into.
///
/// Owns its block; ``withBytes(_:_:)`` lends the bytes of the last read.
@safe struct ReceiveBuffer: ~Copyable {
    /// Bytes of one read at most.
    let capacity: Int
    private let base: UnsafeMutablePointer<UInt8>

    init(capacity: Int) {
        self.capacity = capacity
        unsafe base = .allocate(capacity: capacity)
        unsafe base.initialize(repeating: 0, count: capacity)
    }

    deinit {
        unsafe base.deallocate()
    }

    /// Reads once.
    @inline(__always)
    func receive(_ descriptor: Int32) -> LoadSocket.Outcome {
        let count = unsafe recv(descriptor, base, capacity, Int32(MSG_DONTWAIT))
        if count > 0 { return .bytes(count) }
        return count == 0 ? .ended : LoadSocket.outcome(ofErrorNumber: errno)
    }

    /// The first bytes of the buffer. The span is good until the next read.
    @inline(__always)
    var pointer: UnsafeBufferPointer<UInt8> {
        unsafe UnsafeBufferPointer(start: base, count: capacity)
    }
}
