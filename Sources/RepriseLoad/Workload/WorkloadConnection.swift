/// One connection of a workload: plain data that `WorkloadRun` moves along.
struct WorkloadConnection {
    /// A message that will come back to its sender.
    struct Awaited {
        var fingerprint: UInt64
        /// When the recording wants it sent, nanoseconds of the run.
        var intended: Int
    }

    /// Where it stands.
    var state = RecordedConnectionState.unopened
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
    var outbound = OutboundBytes()
    /// Frames that wait for the upgrade.
    private var waiting: [UInt8] = []
    /// Ends of messages in everything queued so far, with their intended times: what is handed over is taken from here.
    var unsent: [(end: Int, intended: Int)] = []
    var unsentStart = 0
    /// Bytes of frames queued, and handed over, since the upgrade.
    var queuedBytes = 0
    var handedOverBytes = 0
    /// The code of a Close that waits for what was sent to come back.
    var pendingClose: UInt16?

    /// Whether everything was handed to the kernel.
    var isFlushed: Bool { outbound.count == 0 }
    /// Own messages that have not come back.
    var awaitedCount: Int { awaited.count - awaitedStart }
    /// Bytes that the kernel has not taken.
    var backlogBytes: Int { outbound.count + waiting.count }

    /// Queues a frame, behind the upgrade if that is not over.
    mutating func queue(_ append: (inout [UInt8]) -> Void) {
        let before = backlogBytes
        if state == .open || state == .closing { outbound.queue(append) } else { append(&waiting) }
        queuedBytes += backlogBytes - before
    }

    /// The upgrade is over: what waited for it goes out.
    mutating func releaseWaiting() {
        outbound.queue { $0 += waiting }
        waiting = []
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
