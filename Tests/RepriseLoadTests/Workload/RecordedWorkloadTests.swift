import Testing

@testable import RepriseLoad

@Suite struct RecordedWorkloadTests {
    @Test func `steps keep the order and the bytes of the recording`() {
        var workload = RecordedWorkload()
        let first = workload.open(at: 0, query: "room=a")
        let second = workload.open(at: 10, subprotocol: "chat")
        workload.send(Array("one".utf8), isText: true, on: first, at: 20, answer: 7)
        workload.send([0, 255], isText: false, on: second, at: 20)
        workload.close(first, code: 4001, at: 30)
        #expect(workload.connections == 2)
        #expect(workload.messages == 2)
        #expect(workload.duration == 30)
        #expect(workload.bytes == Array("one".utf8) + [0, 255])
        #expect(workload.steps.map(\.connection) == [0, 1, 0, 1, 0])
        #expect(workload.steps.map(\.time) == [0, 10, 20, 20, 30])
        #expect(workload.steps[2].action == .send(.init(isText: true, body: 0..<3, answer: 7)))
        #expect(workload.steps[3].action == .send(.init(isText: false, body: 3..<5, answer: nil)))
    }

    @Test func `own messages come back in order, and others' are no answers`() {
        var connection = WorkloadConnection()
        connection.awaited = [.init(fingerprint: 1, intended: 100), .init(fingerprint: 2, intended: 200)]
        #expect(connection.take(2) == nil)
        #expect(connection.take(1) == 100)
        #expect(connection.take(1) == nil)
        #expect(connection.take(2) == 200)
        #expect(connection.awaitedCount == 0)
    }

    @Test(arguments: [0, -1, .infinity, .nan] as [Double])
    func `a speed that is none is refused`(speed: Double) {
        #expect(throws: LoadError.self) {
            _ = try WorkloadRun(RecordedWorkload(), url: "ws://127.0.0.1:1/", speed: speed).pace.speed
        }
    }
}
