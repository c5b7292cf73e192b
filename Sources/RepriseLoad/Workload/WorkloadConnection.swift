/// One connection of a workload: plain data that `WorkloadRun` moves along.
struct WorkloadConnection {
    /// Where it stands.
    enum State: Equatable {
        case unopened
        case connecting
        case upgrading
        case open
        case closing
        case closed
    }

    /// A message that will come back to its sender.
    struct Awaited {
        var fingerprint: UInt64
        /// When the recording wants it sent, nanoseconds of the run.
        var intended: Int
    }

    var state = State.unopened
    var descriptor: Int32 = -1
    var handshake: UpgradeHandshake?
    /// When the connect began, nanoseconds of the run.
    var openedAt = 0
    /// The answer to the upgrade, until it is whole.
    var answer: [UInt8] = []
    var inbound = InboundMessages()
    /// Own messages whose return is awaited, oldest first, from `awaitedStart` on.
    var awaited: [Awaited] = []
    var awaitedStart = 0
    /// Bytes to send, from `outboundStart` on.
    var outbound: [UInt8] = []
    var outboundStart = 0
    /// Frames that wait for the upgrade.
    var waiting: [UInt8] = []
    /// Ends of messages in everything queued so far, with their intended times: what is handed over is taken from here.
    var unsent: [(end: Int, intended: Int)] = []
    var unsentStart = 0
    /// Bytes of frames queued, and handed over, since the upgrade.
    var queuedBytes = 0
    var handedOverBytes = 0
    /// The code of a Close that waits for what was sent to come back.
    var pendingClose: UInt16?

    /// Whether everything was handed to the kernel.
    var isFlushed: Bool { outboundStart == outbound.count }
    /// Own messages that have not come back.
    var awaitedCount: Int { awaited.count - awaitedStart }
    /// Bytes that the kernel has not taken.
    var backlogBytes: Int { outbound.count - outboundStart + waiting.count }

    /// Queues a frame, behind the upgrade if that is not over.
    mutating func queue(_ append: (inout [UInt8]) -> Void) {
        if state == .open || state == .closing {
            if isFlushed {
                outbound.removeAll(keepingCapacity: true)
                outboundStart = 0
            }
            let before = outbound.count
            append(&outbound)
            queuedBytes += outbound.count - before
        } else {
            let before = waiting.count
            append(&waiting)
            queuedBytes += waiting.count - before
        }
    }

    /// A message came. If it is the oldest awaited one: when that was meant to be sent.
    mutating func take(_ fingerprint: UInt64) -> Int? {
        guard awaitedStart < awaited.count, awaited[awaitedStart].fingerprint == fingerprint else { return nil }
        let intended = awaited[awaitedStart].intended
        awaitedStart += 1
        if awaitedStart == awaited.count { forgetAwaited() }
        return intended
    }

    /// Awaits nothing any more.
    mutating func forgetAwaited() {
        awaited.removeAll(keepingCapacity: true)
        awaitedStart = 0
    }
}
