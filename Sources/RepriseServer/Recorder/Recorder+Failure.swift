// When the log takes nothing: connects, messages and sends are refused, facts are kept.

internal import LMDB
internal import NIOCore
internal import Reprise

extension Recorder {
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

    /// Nothing of these is recorded.
    func refuse(_ intents: [Intent]) {
        for intent in intents {
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
        if !intents.isEmpty { release(IntentWeight(of: intents).memoryBytes) }
    }

    /// Nothing was changed. A full disk or map is waited for; any other error ends the server.
    func couldNotWrite(_ error: LMDBError, _ group: [Intent] = []) {
        gate.close(because: error.description)
        let isFull = [.mapFull, .noSpace, .quotaExceeded, .transactionFull].contains(error.code)
        machine.couldNotWrite(group, isFull: isFull)
    }

    /// Nothing can be committed any more.
    func fail(_ error: LMDBError) {
        gate.close(because: error.description)
        machine.fail()
        run()
    }

    /// Tells everybody who waits for a commit that there will be none.
    func giveUp() {
        sendPlan()
        for shard in shards { shard.eventLoop.execute { [failure] in shard.logFailed(failure) } }
        failEnding()
    }

    /// Tells who waits for the end that it is not in the log; the next start recovers.
    func failEnding() {
        ending?.fail(failure)
        ending = nil
    }

    /// Why nothing is committed.
    var failure: ServerError { .storageFailed(gate.refusal ?? "events could not be committed") }

    /// The server stops: a full disk is waited for until `patience` is over, and not longer.
    func startStopping(patience: TimeAmount) {
        eventLoop.preconditionInEventLoop()
        eventLoop.scheduleRepeatedTask(initialDelay: patience, delay: .milliseconds(500)) { _ in
            self.machine.endPatience()
            self.run()
        }
    }

    func waitForRoom() {
        sendPlan()
        retry = eventLoop.scheduleTask(in: Recorder.retryDelay) {
            self.retry = nil
            self.machine.tryAgain()
            self.run()
        }
    }

    /// Writes the run state, which is there already, to see whether it goes.
    func probe() {
        addenda.run = openRun
        do throws(LMDBError) {
            try writer.commit([], addenda: addenda)
        } catch {
            return couldNotWrite(error)
        }
        addenda = LogAddenda()
        machine.committed()
    }

    /// The log has room again.
    func openGate() {
        sendPlan()
        gate.open()
        updateGate(before: 0)
    }
}
