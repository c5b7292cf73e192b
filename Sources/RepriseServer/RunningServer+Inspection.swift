// What a simulation looks at between two steps. While no loop runs, any thread may.

package import Reprise

extension RunningServer {
    /// The log that the server writes.
    package var log: EventLog { recorder.writer.log }

    /// The live connection set as the Recorder has it: of everything that is committed and applied.
    package var projected: [ConnectionID] { recorder.engine.projection.inOrder.map(\.connection) }

    /// The live connections as the shards have them: of every plan that was performed.
    package var members: [ConnectionID] { shards.flatMap { $0.members.map(\.id) }.sorted() }

    /// The most bytes that a shard keeps for those that are behind.
    package var ringBytes: Int { shards.map(\.ring.memoryBytes).max() ?? 0 }

    /// Why the log refuses, if it does.
    package var refusal: String? { recorder.gate.refusal }
}
