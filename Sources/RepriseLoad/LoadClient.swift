/// One connection's state: plain data that `FanoutRun` moves along. The first line of fields is all that a usual read
/// touches.
struct LoadClient {
    /// Where a connection stands.
    enum State: UInt8 {
        /// Not opened (yet), or closed by us.
        case idle
        /// The TCP connect is under way.
        case connecting
        /// The request is sent; the answer's head has not ended.
        case upgrading
        /// Its bytes are compared with the common stream.
        case following
        /// It joined during the run and waits for a first message that shows where it stands.
        case joining
        /// It is read on its own, by `audit`.
        case audited
        /// It never reads.
        case stalled
        /// The server ended it.
        case lost
    }

    var state: State = .idle
    /// Counted in `DeliveryProgress`.
    var isMember = false
    /// Whether everything was handed to the kernel. Kept here so that a usual read need not touch `outbound`.
    private(set) var isFlushed = true
    var descriptor: Int32 = -1
    /// Offset in the common stream of the next byte.
    var offset = 0
    /// Messages of the common stream that it has, or that came before it joined: its place.
    var place = 0

    /// The place of its first message.
    var firstPlace = 0
    /// When the upgrade was answered.
    var joinedAt = 0
    /// Bytes received that cannot be judged yet: a head, or a frame that has not ended and that nobody has whole.
    var pending: [UInt8] = []
    /// Bytes to send, from `outboundStart` on; encrypted where there is TLS.
    private(set) var outbound: [UInt8] = []
    private(set) var outboundStart = 0
    var handshake: UpgradeHandshake?
    /// What is sent and received goes through it; nil for a plain connection.
    var tls: TLSSession?
    var audit: StreamAudit?

    /// Messages it has received, each counted once.
    var received: Int {
        switch state {
        case .following, .audited, .lost, .idle: place - firstPlace + (audit?.received ?? 0)
        case .connecting, .upgrading, .joining, .stalled: 0
        }
    }

    /// Appends the next bytes to send; what was sent before is dropped first.
    mutating func queue(_ append: (inout [UInt8]) -> Void) {
        if isFlushed {
            outbound.removeAll(keepingCapacity: true)
            outboundStart = 0
        }
        if let tls {
            var bytes: [UInt8] = []
            append(&bytes)
            if !bytes.isEmpty { tls.seal(bytes) }
            tls.takeOutput(into: &outbound)
        } else {
            append(&outbound)
        }
        isFlushed = outboundStart == outbound.count
    }

    /// Queues what TLS itself has to say: its handshake, an answer to a change of keys.
    mutating func queueTLSOutput() {
        queue { _ in }
    }

    /// Notes that the kernel took so many of the bytes to send.
    mutating func noteSent(_ count: Int) {
        outboundStart += count
        isFlushed = outboundStart == outbound.count
    }
}
