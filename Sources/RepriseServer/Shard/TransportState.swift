// What the kernel knows of a peer (`TCP_INFO`), and who has left it without an answer for too long.

internal import Glibc
internal import NIOCore
internal import Reprise

/// The sending half of a TCP connection.
struct TransportState: Equatable, Sendable {
    /// Whether something was sent again because the peer has not acknowledged it, or the peer was asked for room in vain.
    ///
    /// A peer that lives and does not read is not meant: its machine acknowledges what was sent, and answers when it is asked.
    var isUnanswered: Bool
    /// How long ago the peer acknowledged anything.
    var sinceAnswer: TimeAmount
}

extension TransportState {
    /// Asks the kernel; `nil` where that is no TCP socket.
    init?(of descriptor: CInt) {
        var info = tcp_info()
        var count = socklen_t(MemoryLayout<tcp_info>.size)
        guard unsafe getsockopt(descriptor, CInt(IPPROTO_TCP), TCP_INFO, &info, &count) == 0 else { return nil }
        // One probe may be on its way; the second is sent when the first was not answered.
        isUnanswered = info.tcpi_unacked > 0 && info.tcpi_retransmits > 0 || info.tcpi_probes > 1
        sinceAnswer = .milliseconds(Int64(info.tcpi_last_ack_recv))
    }
}

/// Peers that leave the kernel without an answer. The kernel itself gives up after a quarter of an hour.
struct UnansweredPeers: Sendable {
    /// Since when, for each that has not answered since then.
    private var since: [ConnectionID: NIODeadline] = [:]

    /// What the kernel's clock may differ from ours.
    private static let slack = TimeAmount.milliseconds(50)

    /// Whether the peer was without an answer when it was looked at last.
    func contains(_ connection: ConnectionID) -> Bool { since[connection] != nil }

    /// Looks at a peer.
    ///
    /// - Returns: whether it has answered nothing for `timeout`, all of which the kernel has tried.
    mutating func isLost(
        _ connection: ConnectionID, _ state: TransportState?, _ now: NIODeadline, timeout: TimeAmount
    ) -> Bool {
        guard let state, state.isUnanswered else {
            since[connection] = nil
            return false
        }
        guard let first = since[connection], state.sinceAnswer + UnansweredPeers.slack >= now - first else {
            since[connection] = now
            return false
        }
        return now - first >= timeout
    }

    /// The connection has ended.
    mutating func forget(_ connection: ConnectionID) { since[connection] = nil }

    /// What was seen is of no use any more.
    mutating func forgetAll() { since = [:] }
}
