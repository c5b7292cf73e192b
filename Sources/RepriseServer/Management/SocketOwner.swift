// Which user holds the other end of a connection within this machine.

internal import CLinux
internal import Glibc
internal import NIOCore

/// Who holds the other end of a connection within this machine.
package enum SocketOwner: Sendable, Equatable {
    /// The server's own user, or root.
    case trusted
    /// Another user, by its id.
    case other(UInt32)
    /// The kernel does not say: it has no socket diagnosis, or the caller has closed its socket already.
    case unknown

    /// Asks the kernel (`sock_diag(7)`; about 15 µs).
    ///
    /// - Parameters:
    ///   - peer: the address of the socket in question, as the accepted socket sees it.
    ///   - local: the accepted socket's own address.
    static func of(_ peer: SocketAddress?, connectedTo local: SocketAddress?) -> SocketOwner {
        guard let peer, let local, let request = DiagnosisRequest(of: peer, connectedTo: local),
            let user = request.ask()
        else {
            return .unknown
        }
        return user == 0 || user == geteuid() ? .trusted : .other(user)
    }
}

/// A request for one TCP socket.
private struct DiagnosisRequest {
    private var header = nlmsghdr()
    private var question = inet_diag_req_v2()

    init?(of peer: SocketAddress, connectedTo local: SocketAddress) {
        guard let source = peer.ipAddress, let destination = local.ipAddress, let sourcePort = peer.port,
            let destinationPort = local.port
        else { return nil }
        header.nlmsg_len = UInt32(MemoryLayout<DiagnosisRequest>.size)
        header.nlmsg_type = UInt16(SOCK_DIAG_BY_FAMILY)
        header.nlmsg_flags = UInt16(NLM_F_REQUEST)
        // In the family of IPv6 the kernel finds the sockets of mapped IPv4 addresses, too.
        let family = source.contains(":") ? AF_INET6 : AF_INET
        question.sdiag_family = UInt8(family)
        question.sdiag_protocol = UInt8(IPPROTO_TCP)
        question.id.idiag_sport = UInt16(truncatingIfNeeded: sourcePort).bigEndian
        question.id.idiag_dport = UInt16(truncatingIfNeeded: destinationPort).bigEndian
        question.id.idiag_cookie = (.max, .max)  // INET_DIAG_NOCOOKIE
        guard unsafe inet_pton(family, source, &question.id.idiag_src) == 1,
            unsafe inet_pton(family, destination, &question.id.idiag_dst) == 1
        else { return nil }
    }

    /// The id of the socket's user, or `nil` where the kernel finds none that is connected.
    func ask() -> UInt32? {
        let descriptor = socket(AF_NETLINK, CInt(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), NETLINK_SOCK_DIAG)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        let sent = unsafe withUnsafeBytes(of: self) { unsafe send(descriptor, $0.baseAddress, $0.count, 0) }
        guard sent == MemoryLayout<DiagnosisRequest>.size else { return nil }
        var answer = DiagnosisAnswer()
        let received = unsafe withUnsafeMutableBytes(of: &answer) {
            unsafe recv(descriptor, $0.baseAddress, $0.count, CInt(MSG_DONTWAIT))
        }
        // A socket that its program has closed has no inode any more, and the kernel then says user 0, which is root. Where
        // there is none at all it may name one that listens at the address.
        guard received >= MemoryLayout<DiagnosisAnswer>.size, answer.header.nlmsg_type == UInt16(SOCK_DIAG_BY_FAMILY),
            answer.socket.idiag_state != DiagnosisRequest.listening, answer.socket.idiag_inode != 0
        else { return nil }
        return answer.socket.idiag_uid
    }

    /// `TCP_LISTEN` of `tcp_states.h`.
    private static let listening: UInt8 = 10
}

/// What the kernel answers, as far as it matters; attributes that may follow are cut off by `recv`.
private struct DiagnosisAnswer {
    var header = nlmsghdr()
    var socket = inet_diag_msg()
}
