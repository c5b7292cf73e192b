import LMDB
import NIOCore
import Reprise
import RepriseTesting
import Testing

@Suite struct PlaceTests {
    private static let id = "AQIDBAUGBwgJCgs="
    private static let connection = ConnectionID(token: Token(high: 0x0102_0304_0506_0708, low: 0x090A0B))

    @Test(arguments: [
        ("1234", Place.position(Position(1234))), ("0", .position(.zero)), ("start", .start), ("end", .end(before: 0)),
        ("end-100", .end(before: 100)),
        ("@2026-11-22T14:00:00Z", .time(Timestamp(rawValue: 1_795_356_000_000_000_000))),
        ("@2026-11-22", .time(Timestamp(rawValue: 1_795_305_600_000_000_000))), ("@-15m", .ago(seconds: 900)),
        ("@-90s", .ago(seconds: 90)), ("@-2h", .ago(seconds: 7200)), ("@-3d", .ago(seconds: 259_200)),
        ("session:3", .session(SessionID(3))), ("\(id):open", .opened(connection)),
        ("\(id):close", .closed(connection)),
    ])
    func `the grammar is the design's`(text: String, place: Place) throws {
        #expect(try Place(parsing: text) == place)
        #expect(try Place(parsing: place.description) == place)
    }

    @Test(arguments: [
        "", "-1", "+1", "1.5", "end+1", "end-", "end--1", "Start", "@", "@-", "@-15", "@-m", "@-1.5h", "@15m",
        "@yesterday",
        "@-99999999999999999999d", "@-999999999999d", "session:", "session:-1", "session:x", ":open", "\(id)", "\(id):",
        "\(id):opened", "AAAA:open", "12 ", " 12", "99999999999999999999",
    ])
    func `anything else is refused with the grammar`(text: String) {
        let error = #expect(throws: PlaceError.self) { try Place(parsing: text) }
        #expect(error == .notAPlace(text))
        #expect(error?.description.contains(Place.grammar) == true)
    }

    @Test func `places mean positions`() throws {
        let folder = TemporaryFolder()
        var generator = EventGenerator(seed: 31)
        var builder = try LogBuilder(folder.path)
        let first = generator.session(events: 50)
        let second = generator.unfinishedSession(events: 50)
        try builder.write(first)
        try builder.write(second)
        let events = first + second
        let log = builder.log
        let last = try #require(events.last)
        let now = Timestamp(rawValue: last.time.rawValue + 60 * Timestamp.nanosecondsPerSecond)

        func resolve(_ text: String, _ edge: Place.Edge = .first) throws -> UInt64 {
            try Place(parsing: text).resolve(in: log, now: now, as: edge).rawValue
        }
        #expect(try resolve("1") == 1)
        #expect(try resolve("start") == 1)
        #expect(try resolve("end") == last.position.rawValue)
        #expect(try resolve("end-10") == last.position.rawValue - 10)
        #expect(try resolve("session:1") == 1)
        #expect(try resolve("session:2") == second[0].position.rawValue)
        for event in events {
            if case .connected(let connected) = event.fact {
                #expect(try resolve("\(connected.connection):open") == event.position.rawValue)
            }
            if case .disconnected(let disconnected) = event.fact {
                #expect(try resolve("\(disconnected.connection):close") == event.position.rawValue)
            }
            let text = "@" + event.time.iso8601()
            #expect(try resolve(text) == events.first { $0.time >= event.time }?.position.rawValue)
            #expect(try resolve(text, .last) == events.last { $0.time <= event.time }?.position.rawValue)
        }
        #expect(try resolve("@-1h") == 1)
        #expect(try resolve("@-1s", .last) == last.position.rawValue)

        func refusal(_ text: String, _ edge: Place.Edge = .first) -> PlaceError? {
            #expect(throws: PlaceError.self) { try resolve(text, edge) }
        }
        let unknown = ConnectionID(token: Token(high: 1, low: 1))
        let open = try #require(generator.open.first)
        #expect(refusal("0") == .beforeStart(.position(.zero), first: Position(1)))
        #expect(refusal("end-9999") == .beforeStart(.end(before: 9999), first: Position(1)))
        #expect(refusal("@1999-01-01", .last) == .beforeStart(try Place(parsing: "@1999-01-01"), first: Position(1)))
        #expect(refusal("9999") == .afterEnd(.position(Position(9999)), last: last.position))
        #expect(refusal("@-1s") == .afterEnd(.ago(seconds: 1), last: last.position))
        #expect(refusal("session:3") == .noSuchSession(SessionID(3), latest: SessionID(2)))
        #expect(refusal("\(unknown):open") == .unknownConnection(unknown))
        #expect(refusal("\(open):close") == .stillOpen(open))
    }

    @Test func `an empty log has no places`() throws {
        let folder = TemporaryFolder()
        let builder = try LogBuilder(folder.path)
        for text in ["start", "end", "1", "session:1", "@-1s"] {
            #expect(throws: PlaceError.emptyLog) {
                try Place(parsing: text).resolve(in: builder.log, now: Timestamp(rawValue: 0), as: .first)
            }
        }
    }
}
