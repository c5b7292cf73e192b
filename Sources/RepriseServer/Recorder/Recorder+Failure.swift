// When the log takes nothing: connects, messages and sends are refused, facts are kept.

internal import LMDB
internal import NIOCore
internal import Reprise

extension Recorder {
    /// While nothing can be committed: facts stay, the rest is refused.
    func keepFacts() {
        let refused = waiting.filter { !$0.isFact }
        for intent in refused { refuse(intent) }
        waiting.removeAll { !$0.isFact }
        release(IntentWeight(of: refused).memoryBytes)
    }

    /// Closes the gate when the log comes near its bound. It opens again when there is room (after a trim, or when a
    /// retry shows that the disk has room again).
    ///
    /// - Parameter weight: what is to be written next. On pages it takes at most twice as much (a record that just does
    ///   not fit has a page of its own), and it must not come out of the reserve.
    func updateGate(before weight: Int) {
        let info = writer.log.environment.info
        var used = info.usedBytes
        guard used + 2 * weight + reserveBytes > info.mapBytes else { return }
        if retention.isTrimmed {  // the file does not shrink, but what a trim freed is used again
            used = min(used, (try? writer.log.contentBytes()) ?? used)
            guard used + 2 * weight + reserveBytes > info.mapBytes else { return }
        }
        gate.close(
            because: "the log is full: \(used) of \(info.mapBytes) bytes are used and \(reserveBytes) are "
                + "kept for disconnects; restart with a larger --log-bytes, or stop and `reprise log trim`")
    }

    func refuse(_ intent: Intent) {
        let shard = shards[intent.shard]
        switch intent.fact {
        case .connected(let connected):
            shard.eventLoop.execute { shard.refuseConnect(connected.connection) }
        case .message(let message):
            shard.eventLoop.execute { shard.refuseMessage(of: message.connection, request: message.request) }
        case .sent:
            intent.reply?.succeed(.refused)
        case .disconnected, .skipped, .sessionStarted, .sessionEnded:
            break
        }
    }

    /// Nothing was changed. Facts are kept and go first into the next transaction; the rest is refused. A failed sync
    /// or a broken disk ends the server: what the kernel dropped cannot be written again.
    func commitFailed(_ error: LMDBError, _ admitted: [Intent], _ weight: IntentWeight) {
        sendPlan()
        let facts = admitted.filter(\.isFact)
        waiting = facts + waiting
        release(weight.memoryBytes - IntentWeight(of: facts).memoryBytes)
        waitForRoom(after: error)
        // Last: whoever is told, and asks for the health, must find it red.
        for intent in admitted where !intent.isFact { refuse(intent) }
    }

    /// A full disk or map is waited for; any other error ends the server.
    func waitForRoom(after error: LMDBError) {
        guard [.mapFull, .noSpace, .quotaExceeded, .transactionFull].contains(error.code) else { return fail(error) }
        gate.close(because: error.description)
        scheduleRetry()
    }

    func fail(_ error: LMDBError) {
        gate.close(because: error.description)
        giveUp()
        onFailure(.storageFailed(error.description))
    }

    /// Nothing is committed any more, and nobody waits for it.
    func giveUp() {
        hasFailed = true
        sendPlan()
        keepFacts()
        reportFailure()
    }

    /// Tells everybody who waits for a commit that there will be none.
    func reportFailure() {
        let error = ServerError.storageFailed(gate.refusal ?? "events could not be committed")
        for shard in shards { shard.eventLoop.execute { shard.logFailed(error) } }
        ending?.fail(error)
        ending = nil
    }

    /// The server stops: a full disk is waited for until `patience` is over, and not longer.
    func startStopping(patience: TimeAmount) {
        eventLoop.preconditionInEventLoop()
        eventLoop.scheduleRepeatedTask(initialDelay: patience, delay: .milliseconds(500)) { _ in
            if self.retry != nil, !self.hasFailed { self.giveUp() }
        }
    }

    private func scheduleRetry() {
        retry = eventLoop.scheduleTask(in: Recorder.retryDelay) { self.resume() }
    }

    /// Writes what waits: kept facts after a full disk, or where there are none, the run state, to see whether it goes; then
    /// the end, where the session is to end.
    func resume() {
        retry = nil
        guard !hasFailed else { return }
        if waiting.isEmpty, ending == nil {
            addenda.run = openRun
            do throws(LMDBError) {
                try writer.commit([], addenda: addenda)
            } catch {
                return waitForRoom(after: error)
            }
            addenda = LogAddenda()
        }
        while !waiting.isEmpty, retry == nil, !hasFailed { commit(takeGroup(eventsMax: Recorder.retryEventsMax)) }
        sendPlan()
        guard retry == nil, !hasFailed else { return }
        if let ending { return end(ending) }
        gate.open()
        updateGate(before: 0)
    }
}
