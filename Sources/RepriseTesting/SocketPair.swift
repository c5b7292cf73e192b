internal import Glibc

/// Two connected sockets.
package final class SocketPair {
    package let mine: CInt
    private let peer: CInt
    private var isPeerOpen = true

    /// - Parameter sendBytes: room for all that is sent before it is received; what a full socket does not take goes to
    ///   the channel, which here is an embedded one.
    package init(sendBytes: CInt? = nil) {
        var pair: [CInt] = [-1, -1]
        let made = unsafe socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &pair)
        precondition(made == 0)
        (mine, peer) = (pair[0], pair[1])
        if var sendBytes {
            _ = unsafe setsockopt(mine, SOL_SOCKET, SO_SNDBUF, &sendBytes, socklen_t(MemoryLayout<CInt>.size))
        }
    }

    package func close() {
        _ = Glibc.close(mine)
        closePeer()
    }

    package func closePeer() {
        if isPeerOpen { _ = Glibc.close(peer) }
        isPeerOpen = false
    }

    /// Everything that has come by now.
    package func received() -> [UInt8] {
        var received: [UInt8] = []
        var bytes = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = unsafe bytes.withUnsafeMutableBytes { buffer in
                unsafe recv(peer, buffer.baseAddress, buffer.count, CInt(MSG_DONTWAIT))
            }
            if count <= 0 { return received }
            received += bytes.prefix(count)
        }
    }
}
