/// One connection that is driven once more: plain data that `RedriveRun` moves along.
struct RedriveConnection {
    /// Where it stands.
    var state = RecordedConnectionState.unopened
    var descriptor: Int32 = -1
    var handshake: UpgradeHandshake?
    /// The id that the server gave it; nil if the server does not tell.
    var id: [UInt8]?
    /// The answer to the upgrade, until it is whole.
    var answer: [UInt8] = []
    var inbound = InboundMessages(keepsPayloads: true)
    var outbound = OutboundBytes()
    /// The next broadcast that it must get: an index into the script's `broadcasts`.
    var nextBroadcast = 0
    /// The next delivery to it alone: an index into its `targeted`.
    var nextTargeted = 0
    /// The delivery that came last.
    var lastDelivery: Int?
    /// The step that opens it, or ends it: for what is said if there is no answer.
    var step = 0
    /// Whether it has received something else than it must: nothing of it is compared any more.
    var differs = false
}
