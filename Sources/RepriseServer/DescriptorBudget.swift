/// How the descriptors that a process may have are shared out, so that it never lacks one: a client that cannot be accepted waits
/// without a word, and one that is accepted can be told 503.
struct DescriptorBudget: Equatable {
    /// The most connections at once.
    var connectionsMax: Int
    /// The most sockets of one loop that are not WebSockets (yet).
    var pendingSocketsMax: Int

    /// What is missing is taken from the sockets that are not WebSockets until an eighth is left for them, or a quarter where
    /// that is little: clients that connect at once must not push each other out. The rest is taken from the connections.
    ///
    /// - Parameters:
    ///   - limit: how many descriptors the process may have.
    ///   - own: how many of them the server needs for itself.
    init(limit: Int, own: Int, for configuration: ServerConfiguration) {
        let loops = configuration.loopCount
        let room = max(0, limit - own)
        let spare = max(room / 8, min(room / 4, 64), room - configuration.connectionsMax)
        pendingSocketsMax = max(1, min(configuration.pendingSocketsMax, spare / loops))
        connectionsMax = max(1, min(configuration.connectionsMax, room - loops * pendingSocketsMax))
    }

    /// Descriptors of the server's own beside those that are open when its loops have been made: its rings, the log, the
    /// listeners, one socket of each loop before the oldest has gone for it, and files that are read for a moment.
    static func ownLater(loops: Int) -> Int { 2 * loops + 17 }
}
