// Who may become a connection. Everything that can refuse a handshake is asked here, before anything is built for it.

internal import NIOCore
internal import NIOHTTP1
internal import Synchronization

/// How many connections the server has, over all loops.
final class ConnectionCount: Sendable {
    private let live = Atomic<Int>(0)
    private let limit: Int

    init(limit: Int) {
        self.limit = limit
    }

    /// Takes a place, if there is one.
    func enter() -> Bool {
        if live.wrappingAdd(1, ordering: .relaxed).newValue <= limit { return true }
        leave()
        return false
    }

    /// How many there are now.
    var now: Int { live.load(ordering: .relaxed) }

    func leave() {
        let (left, _) = live.wrappingSubtract(1, ordering: .relaxed)
        assert(left > 0, "a place was given back twice")
    }
}

/// Decides over handshakes of one loop; counts and rates are those of the whole server.
///
/// A handshake that is let in has a place among the connections, and whoever ends it gives the place back, once: the handler
/// until the connect intent is handed in, and then the shard. One that is refused has none.
struct Admission {
    let origins: OriginRule
    let gate: LogGate
    let connectionCount: ConnectionCount
    let connectRate: SharedRateLimit
    /// Whether everybody is refused because the server stops.
    var isStopping = false

    /// What becomes of a handshake.
    enum Admit {
        /// It has a place.
        case admitted
        case refused(HTTPReply)
    }

    /// Lets a handshake in, or says why not. What costs the server nothing is asked first, and the rate last: a refused
    /// handshake uses nothing up.
    func decide(_ head: HTTPRequestHead, now: NIODeadline) -> Admit {
        if let refusal = UpgradeRequest.refusal(of: head) { return .refused(refusal) }
        if isStopping { return .refused(.unavailable("The server is stopping")) }
        guard origins.admits(head.headers.first(name: "origin")) else {
            return .refused(.forbidden("This origin may not connect"))
        }
        if let reason = gate.refusal { return .refused(.unavailable(reason)) }
        guard connectionCount.enter() else { return .refused(.unavailable("Too many connections")) }
        guard connectRate.admit(now: now) else {
            leave()
            return .refused(.tooMany("Too many connects a second"))
        }
        return .admitted
    }

    /// Gives a place back.
    func leave() { connectionCount.leave() }
}
