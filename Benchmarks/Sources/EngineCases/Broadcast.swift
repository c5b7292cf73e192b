import NIOCore
import Reprise

extension Case {
    /// Two sizes of batch: a plan allocates its buffers, so what differs between them is the events'.
    static let broadcast = [planned(64), planned(512), ring]

    private static func planned(_ batch: Int) -> Case {
        Case("plan: a broadcast to 1000 recipients, in one batch", operations: batch) { operations in
            var engine = Engine(withCrowd: 1000)
            var events = Fixture.messages(operations, from: 1002)
            var batch = DecidedEvents(events)
            return Work(
                prepare: {
                    guard engine.projection.position >= events[0].position else { return }
                    events.moveOn()
                    batch = DecidedEvents(events)
                },
                run: {
                    var plan = engine.emptyPlan
                    engine.apply(batch, adding: &plan)
                    consume(plan)
                })
        }
    }

    /// Runs of one message, kept while somebody is behind.
    private static let ring = Case("ring: a run appended and one dropped") { operations in
        var engine = Engine(withCrowd: 1)
        var ring = FrameRing()
        var runs: [FrameRun] = []
        var position = 3
        return Work(
            prepare: {
                runs = (0..<operations).map { engine.apply(Fixture.messages(1, from: position + $0)).run }
                position += operations
            },
            run: {
                for run in runs {
                    ring.append(run)
                    if ring.count > 16 { ring.drop(before: ring.endOfOldest) }
                }
            })
    }
}

extension DecidedEvents {
    /// Messages as the default configuration decides them.
    fileprivate init(_ events: [Event]) {
        self.init()
        for event in events { append(event, ordering: Delivery(of: event, under: EngineConfiguration())) }
    }
}

extension Engine {
    /// An engine in which so many connections are live.
    init(withCrowd count: Int) {
        self.init()
        _ = apply(Fixture.crowd(count))
    }
}
