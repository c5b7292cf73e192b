// What a simulation looks at between two steps. While no loop runs, any thread may.

package import Reprise

extension RunningServer {
    /// The log that the server writes.
    package var log: EventLog { recorder.writer.log }

    /// The live connection set as the Recorder has it: of everything that is committed and applied.
    package var projected: [ConnectionID] { recorder.engine.projection.inOrder.map(\.connection) }

    /// The live connections as the shards have them: of every plan that was performed.
    package var members: [ConnectionID] { shards.flatMap { $0.members.map(\.id) }.sorted() }

    /// The most bytes that a shard keeps for those that are behind: in the ring, and for single ones.
    package var ringBytes: Int {
        shards.map { shard in
            shard.behind.values.reduce(shard.ring.memoryBytes) { $0 + $1.outbox.ownMemoryBytes }
        }.max() ?? 0
    }

    /// What clients make the loops keep: `--edge-bytes` bounds it, for each.
    package var edgeBytes: Int { shards.reduce(0) { $0 + ($1.gateway?.memory.bytes ?? 0) } }

    /// What is in flight, and how much of it the Recorder and the shards have not given back.
    package var inFlightBytes: Int { recorder.inFlight.now }

    /// Why the log refuses, if it does.
    package var refusal: String? { recorder.gate.refusal }
}
