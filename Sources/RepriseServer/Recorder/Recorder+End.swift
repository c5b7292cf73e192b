// What the Recorder does by the clock, and how a session ends.

internal import LMDB
internal import NIOCore
internal import Reprise

extension Recorder {
    /// Starts the periodic sync of `interval`, and the check for readers that died.
    ///
    /// - Parameter syncLoop: waits for the disk. LMDB lets any thread sync while another one commits.
    func startHousekeeping(syncInterval: TimeAmount?, syncLoop: any EventLoop) {
        eventLoop.preconditionInEventLoop()
        if let syncInterval {
            // On its own loop a sync that takes long delays the next one, and nothing else.
            let environment = writer.log.environment
            syncLoop.scheduleRepeatedTask(initialDelay: syncInterval, delay: syncInterval) { task in
                do throws(LMDBError) {
                    try environment.sync()
                } catch {
                    task.cancel()
                    self.eventLoop.execute { if !self.hasFailed { self.fail(error) } }
                }
            }
        }
        startRetention()
        eventLoop.scheduleRepeatedTask(initialDelay: .minutes(1), delay: .minutes(1)) { _ in
            _ = try? self.writer.log.environment.clearStaleReaders()  // an error here costs disk space, nothing else
        }
    }

    /// Ends the session: every `disconnected` is committed by now.
    ///
    /// - Throws: `storageFailed` when the log does not take the end; the next start then recovers.
    func finish() throws(ServerError) {
        eventLoop.preconditionInEventLoop()
        while !waiting.isEmpty, retry == nil, !hasFailed { commit(takeGroup()) }
        sendPlan()
        guard waiting.isEmpty, !hasFailed else {
            throw .storageFailed(gate.refusal ?? "events could not be committed")
        }
        do throws(LMDBError) {
            try commitEnd()
        } catch {
            throw .storageFailed(error.description)
        }
        hasFailed = true  // nothing is committed after the end
    }

    func commitEnd() throws(LMDBError) {
        let time = max(writer.tail.time, clock())
        let ended = Event(position: writer.tail.position.next, time: time, fact: .sessionEnded(.shutdown))
        collectObservation()
        let began = NIODeadline.now()
        try writer.commit([ended], addenda: addenda)
        noteCommit(since: began)
        addenda = LogAddenda()
        _ = engine.apply([ended])
        noteCheckpoint(after: [ended], endsSession: true)
        collectObservation()
        // The clean mark must not reach the disk before what it vouches for.
        let syncs = openRun.durability == .interval
        if syncs { try writer.log.environment.sync() }
        addenda.run = RunState(bootID: openRun.bootID, durability: openRun.durability, isClean: true)
        try writer.commit([], addenda: addenda)
        if syncs { try writer.log.environment.sync() }
    }
}
