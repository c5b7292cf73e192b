// Between BoringSSL and the bytes of a loop: one BIO for all sessions, which keeps nothing from one call to the next. A BIO
// pair for each connection, as NIO has it, keeps buffers for each.

internal import CNIOBoringSSL
internal import NIOCore

/// Where the sessions of one loop take ciphertext from, and put it.
///
/// Owner: one event loop. Outlives its sessions, for they hold it. `@safe`: the input is set for the time of a call alone.
@safe package final class TLSTransport {
    let bio: OpaquePointer
    /// Ciphertext that was received and not taken yet; empty between two calls.
    private(set) var input = unsafe UnsafeRawBufferPointer(start: nil, count: 0)
    private var output = ByteBuffer()

    /// A transport without sessions.
    package init() {
        guard let bio = unsafe BIO_new(TLSTransport.method) else { preconditionFailure("no memory for a BIO") }
        unsafe self.bio = bio
        unsafe BIO_set_data(bio, Unmanaged.passUnretained(self).toOpaque())
        unsafe BIO_set_init(bio, 1)
    }

    deinit {
        unsafe BIO_set_data(bio, nil)
        unsafe BIO_free(bio)
    }

    /// Runs `body`, in which a session reads from `received` and appends to `output`.
    func lend<Value>(
        _ received: UnsafeRawBufferPointer, _ output: inout ByteBuffer, _ body: () -> Value
    ) -> Value {
        unsafe input = received
        swap(&self.output, &output)
        defer {
            unsafe input = UnsafeRawBufferPointer(start: nil, count: 0)
            swap(&self.output, &output)
        }
        return body()
    }

    // MARK: What BoringSSL calls

    /// The functions of the BIO. `nonisolated(unsafe)`: it is not changed once it is made.
    private nonisolated(unsafe) static let method: OpaquePointer = {
        guard let method = unsafe BIO_meth_new(CInt(BIO_TYPE_SOURCE_SINK), "reprise") else {
            preconditionFailure("no memory for the functions of a BIO")
        }
        unsafe BIO_meth_set_read(method) { bio, bytes, count in
            unsafe TLSTransport.of(bio)?.read(UnsafeMutableRawBufferPointer(start: bytes, count: Int(count))) ?? -1
        }
        unsafe BIO_meth_set_write(method) { bio, bytes, count in
            unsafe TLSTransport.of(bio)?.write(UnsafeRawBufferPointer(start: bytes, count: Int(count))) ?? -1
        }
        unsafe BIO_meth_set_ctrl(method) { _, command, _, _ in command == BIO_CTRL_FLUSH ? 1 : 0 }
        return unsafe method
    }()

    private static func of(_ bio: OpaquePointer?) -> TLSTransport? {
        guard let data = unsafe BIO_get_data(bio) else { return nil }
        return unsafe Unmanaged<TLSTransport>.fromOpaque(data).takeUnretainedValue()
    }

    private func read(_ bytes: UnsafeMutableRawBufferPointer) -> CInt {
        unsafe BIO_clear_retry_flags(bio)
        let count = unsafe min(bytes.count, input.count)
        guard count > 0 else {
            unsafe BIO_set_retry_read(bio)
            return -1
        }
        unsafe bytes.copyMemory(from: UnsafeRawBufferPointer(rebasing: input[..<count]))
        unsafe input = UnsafeRawBufferPointer(rebasing: input[count...])
        return CInt(count)
    }

    private func write(_ bytes: UnsafeRawBufferPointer) -> CInt {
        unsafe output.writeBytes(bytes)
        return CInt(bytes.count)
    }
}

@available(*, unavailable)
extension TLSTransport: Sendable {}
