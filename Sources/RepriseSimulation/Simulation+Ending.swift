// The end of a run: when everything that was in the way is gone, everybody has what they are owed.

internal import NIOCore
internal import Reprise
internal import RepriseServer

extension Simulation {
    /// Every client reads, the disk works, time passes: within some seconds nothing may be left to do.
    func settle() throws {
        SimulatedDisk.heal()
        kernelHasMoods = false
        for client in clients {
            client.isStalled = false
            client.dribbles = false
            client.flush(atMost: .max)
        }
        try rest(for: .seconds(1)) { $0.unsettled == nil }
        if let unsettled { throw unsettled }
    }

    /// Nobody says anything for a while, but for pings and the answers to them: everybody must be closed as idle (`checkIdle`).
    func beQuiet() throws {
        let configuration = swarm.configuration
        let longest = configuration.idleTimeoutSeconds + configuration.closeTimeoutSeconds + 8
        guard configuration.pingIntervalSeconds > 0, longest < min(20, configuration.lifetimeSeconds) else { return }
        try rest(for: .seconds(Int64(longest))) { _ in true }
    }

    /// What is left to do, if anything is.
    private var unsettled: Violation? {
        if isUnreadable { return Violation("the log is broken, and the server goes on") }
        if let late = clients.first(where: { !isServed($0) }) {
            return Violation("\(late.name) waits for good: \(wait(of: late))")
        }
        if clients.contains(where: { $0.isConnected && $0.stream.said.isEmpty }) {
            return Violation("a request is never answered")
        }
        if let refusal = server?.refusal, !refusal.hasPrefix("the log is full") {
            return Violation("the disk has room, and the server refuses: \(refusal)")
        }
        guard let members = server?.members, members == oracle.live.sorted() else {
            return Violation("shards have \(server?.members.count ?? 0) members, and the log \(oracle.live.count)")
        }
        for id in oracle.live where !clients.contains(where: { $0.id == id && $0.channel.isActive }) {
            return Violation("\(id) is live, and has no socket")
        }
        return nil
    }

    /// Whether an open connection has everything, and its messages are in the log or refused.
    private func isServed(_ client: SimulatedClient) -> Bool {
        guard client.isOpen, let life = client.id.flatMap({ oracle.lives[$0] }), life.disconnected == nil else {
            return true
        }
        let isOwed = life.owed.indices.contains { index in
            !client.wasSent(index) && !life.skipped.contains { $0.contains(life.owed[index].position) }
        }
        // An error frame that has not left is replaced by that of the next refused message.
        let isAnswered =
            client.refusals == 0 ? life.said == client.sent : life.said.count + client.refusals <= client.sent.count
        return !isOwed && isAnswered
    }

    private func wait(of client: SimulatedClient) -> String {
        guard let life = client.id.flatMap({ oracle.lives[$0] }) else { return "" }
        return
            "sent \(client.matched) of \(life.owed.count), of its \(client.sent.count) messages \(life.said.count) are in the log and "
            + "\(client.refusals) refused; \(server?.refusal ?? "the log takes all")"
    }

    /// Lets the server and its clients go on, for at least some time and until `isDone`, or for good.
    private func rest(for atLeast: TimeAmount, until isDone: (Simulation) -> Bool) throws {
        let (from, crashesBefore) = (time.now, outcome.crashes)
        while time.now - from < .seconds(30), outcome.crashes == crashesBefore {
            for _ in 0..<1000 {
                for client in clients { client.read(atMost: .max, mask: mask) }
                guard loops.contains(where: \.isRunnable) else { break }
                try turn(20)
            }
            if time.now - from >= atLeast, isDone(self) { return }
            pass(.milliseconds(20))
        }
    }

    /// A graceful stop: everybody is closed, the log says so, and ends with the session.
    func stop() throws {
        SimulatedDisk.heal()
        guard let server else { return }
        let crashes = outcome.crashes
        let drain: TimeAmount = number(2) == 0 ? .zero : .seconds(1)
        endResult = nil
        isStopping = true
        server.end(drain: drain, closeTimeout: .seconds(2), hurry: Hurry()).whenComplete { self.endResult = $0 }
        try rest(for: .zero) { $0.endResult != nil }
        guard outcome.crashes == crashes else { return }  // the machine stopped meanwhile
        guard let endResult else { throw Violation("the server does not end") }
        if case .failure(let error) = endResult { throw Violation("the server could not end: \(error)") }
        try check()
        guard server.edgeBytes == 0 else {
            throw Violation("nobody is left, and \(server.edgeBytes) B are kept for them")
        }
        guard server.inFlightBytes == 0 else {
            throw Violation("all is done, and \(server.inFlightBytes) B are in flight")
        }
        guard !oracle.isInSession, oracle.live.isEmpty else { throw Violation("the log does not end with its session") }
        try checkGoodbyes()
        note(try server.log.tail().hash)
        try verify(server.log)
    }

    /// Nobody is left who does not know that the server has stopped, and who was told so by a Close was told why.
    private func checkGoodbyes() throws(Violation) {
        for client in clients {
            guard !client.isConnected || client.id == nil, !client.waitsForReply else {
                throw Violation(
                    "the server has stopped, and \(client.name) sees neither a Close nor the end of its socket")
            }
            guard let (_, end) = client.id.flatMap({ oracle.lives[$0]?.disconnected }), end.cause == .shutdown else {
                continue
            }
            guard client.closeCode == CloseCode.goingAway.rawValue || !client.socket.isEndedByServer else {
                let code = client.closeCode.map { "\($0)" } ?? "no Close"
                throw Violation("the server has stopped, and \(client.name) was sent \(code)")
            }
        }
    }

    /// The log is whole, and replays to the digests that were recorded.
    private func verify(_ log: EventLog) throws {
        var verifier = try LogVerifier(log)
        _ = try verifier.run()
        for session in try log.sessions() {
            var replayer = try Replayer(log, session: session)
            if let divergence = try replayer.run().divergence {
                throw Violation("a replay differs at \(divergence.position): \(divergence.reason)")
            }
        }
    }
}
