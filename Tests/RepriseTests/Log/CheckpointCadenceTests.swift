import Reprise
import Testing

@Suite struct CheckpointCadenceTests {
    @Test func `a checkpoint is due every 1024 events and at a session's end`() {
        var cadence = CheckpointCadence()
        #expect(cadence.note(events: 1023, endsSession: false) == (false, false))
        #expect(cadence.note(events: 1, endsSession: false) == (true, false))
        #expect(cadence.note(events: 5000, endsSession: false) == (true, false))
        #expect(cadence.note(events: 10, endsSession: true) == (true, true))
        #expect(cadence.note(events: 1023, endsSession: false) == (false, false))
    }

    @Test func `a snapshot is due every 65 536 events`() {
        var cadence = CheckpointCadence()
        var snapshots = 0
        for _ in 0..<200 { if cadence.note(events: 1024, endsSession: false).snapshot { snapshots += 1 } }
        #expect(snapshots == 3)
    }
}
