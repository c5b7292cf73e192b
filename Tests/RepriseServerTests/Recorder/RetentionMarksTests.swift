import NIOCore
import Reprise
import Testing

@testable import RepriseServer

@Suite struct `What a server has seen for too long` {
    private func moment(_ seconds: Int64) -> NIODeadline { .uptimeNanoseconds(UInt64(seconds) * 1_000_000_000) }

    @Test func `what was seen for longer than the age is too old`() {
        var marks = RetentionMarks(age: .milliseconds(160_000))
        #expect(marks.aged(tail: Position(100), now: moment(0)) == nil)
        #expect(marks.aged(tail: Position(200), now: moment(10)) == nil)
        #expect(marks.aged(tail: Position(900), now: moment(160)) == nil)
        #expect(marks.aged(tail: Position(901), now: moment(161)) == Position(100))
        #expect(marks.aged(tail: Position(902), now: moment(171)) == Position(200))
        #expect(marks.aged(tail: Position(903), now: moment(172)) == Position(200), "it goes on being too old")
    }

    @Test func `what came between two marks waits for the later one`() {
        var marks = RetentionMarks(age: .milliseconds(160_000))
        _ = marks.aged(tail: Position(1), now: moment(0))
        _ = marks.aged(tail: Position(50), now: moment(9))
        _ = marks.aged(tail: Position(60), now: moment(10))
        #expect(marks.aged(tail: Position(70), now: moment(169)) == Position(1))
        #expect(marks.aged(tail: Position(70), now: moment(171)) == Position(60))
    }

    @Test func `the number of marks is bounded`() {
        var marks = RetentionMarks(age: .milliseconds(16_000))
        var aged: Position?
        for second in 0..<10_000 { aged = marks.aged(tail: Position(UInt64(second)), now: moment(Int64(second))) }
        #expect(aged == Position(9982))
        #expect(marks.count <= Int(RetentionMarks.marksPerAge) + 2)
    }
}
