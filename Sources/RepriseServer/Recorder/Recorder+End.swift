// What the Recorder does by the clock, and how a session ends.

internal import LMDB
internal import NIOCore
internal import Reprise

extension Recorder {
    /// Starts the periodic sync of `interval`, and the checks for readers that died and for a clock that was set back.
    ///
    /// - Parameter syncLoop: waits for the disk. LMDB lets any thread sync while another one commits.
    func startHousekeeping(syncInterval: TimeAmount?, syncLoop: any EventLoop) {
        eventLoop.preconditionInEventLoop()
        if let syncInterval {
            // On its own loop a sync that takes long delays the next one, and nothing else.
            let log = writer.log
            let bootID = openRun.bootID
            syncing = syncLoop.scheduleRepeatedTask(initialDelay: syncInterval, delay: syncInterval) { task in
                let end = try? log.tail().position
                do throws(LMDBError) {
                    try log.environment.sync()
                    // Where the mark is not taken, the one before stays, which is true as well.
                    if let end { try? SyncedMark(log: log.id, position: end, bootID: bootID).store(in: log.path) }
                } catch {
                    task.cancel()
                    self.eventLoop.execute { self.fail(error) }
                }
            }
        }
        startRetention()
        eventLoop.scheduleRepeatedTask(initialDelay: .minutes(1), delay: .minutes(1)) { _ in
            _ = try? self.writer.log.environment.clearStaleReaders()  // an error here costs disk space, nothing else
            self.logTime.check()
        }
    }

    /// Ends the session, when the last connection is gone: commits what waits, then the end. A full disk is waited for, until
    /// the patience of `startStopping` is over.
    ///
    /// The future fails with `storageFailed` when the log does not take the end; the next start then recovers.
    func finish() -> EventLoopFuture<Void> {
        eventLoop.preconditionInEventLoop()
        let done = eventLoop.makePromise(of: Void.self)
        let stopped = eventLoop.makePromise(of: Void.self)
        // A sync that is under way would put its mark back behind the end.
        if let syncing { syncing.cancel(promise: stopped) } else { stopped.succeed() }
        stopped.futureResult.assumeIsolated().whenComplete { _ in
            self.ending = done
            self.retry?.cancel()
            self.machine.askEnd()
            if self.machine.phase == .failed { self.failEnding() } else { self.run() }
        }
        return done.futureResult
    }

    /// Commits the end, behind all else.
    func end() {
        sendPlan()
        do throws(LMDBError) {
            if !hasEnded { try commitSessionEnded() }
            // The clean mark must not reach the disk before what it vouches for.
            guard syncs() else { return }
            addenda.run = RunState(bootID: openRun.bootID, durability: openRun.durability, isClean: true)
            try writer.commit([], addenda: addenda)
        } catch {
            return couldNotWrite(error)
        }
        guard syncs() else { return }
        if openRun.durability == .interval { SyncedMark.remove(from: writer.log.path) }
        machine.ended()
        ending?.succeed()
        ending = nil
    }

    /// Syncs what `interval` has left to sync. A sync that fails is not tried again: what the kernel dropped would be missing,
    /// and the next sync would say nothing of it.
    private func syncs() -> Bool {
        guard openRun.durability == .interval else { return true }
        do throws(LMDBError) {
            try writer.log.environment.sync()
            return true
        } catch {
            gate.close(because: error.description)
            machine.couldNotWrite(isFull: false)
            return false
        }
    }

    private func commitSessionEnded() throws(LMDBError) {
        let time = max(writer.tail.time, clock())
        let ended = Event(position: writer.tail.position.next, time: time, fact: .sessionEnded(.shutdown))
        collectObservation()
        let began = eventLoop.now
        try writer.commit([ended], addenda: addenda)
        hasEnded = true
        noteCommit(since: began)
        addenda = LogAddenda()
        _ = engine.apply([ended])
        noteCheckpoint(after: 1, endsSession: true)
        collectObservation()
    }
}
