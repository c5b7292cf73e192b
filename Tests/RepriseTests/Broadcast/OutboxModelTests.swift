// A simulated shard and socket drive one outbox in random ways; a model that keeps everything in lists says what must
// come out. Every failure names its seed.

import NIOCore
import RepriseTesting
import Testing

@testable import Reprise

@Suite struct `An outbox against its model` {
    @Test(arguments: 0..<200 as Range<UInt64>)
    func `sends the handshake, then every delivery in order, and controls between them`(seed: UInt64) {
        var simulation = Simulation(seed: seed, policy: .disconnect)
        simulation.run(steps: 120)
    }

    @Test(arguments: 1000..<1150 as Range<UInt64>)
    func `that catches up is sent every delivery, whatever the ring gives up`(seed: UInt64) {
        var simulation = Simulation(seed: seed, policy: .catchUp)
        simulation.run(steps: 160)
        #expect(simulation.skipped.isEmpty)
    }

    @Test(arguments: 2000..<2150 as Range<UInt64>)
    func `that skips is sent every delivery or has skipped it, whatever the ring gives up`(seed: UInt64) {
        var simulation = Simulation(seed: seed, policy: .skip)
        simulation.run(steps: 160)
    }

    @Test(arguments: [SlowConsumerPolicy.catchUp, .skip])
    func `leaves the ring in these simulations, with one message in flight, with several, and with its own frames`(
        policy: SlowConsumerPolicy
    ) {
        var seen = Simulation.Coverage()
        for seed in 3000..<3100 as Range<UInt64> {
            var simulation = Simulation(seed: seed, policy: policy)
            simulation.run(steps: 160)
            seen.add(simulation.coverage)
        }
        #expect(seen.left > 40)
        #expect(seen.leftWithSeveralInFlight > 0)
        #expect(seen.joined > 40)
        #expect(seen.ended > 0)
        #expect(policy == .skip || seen.leftAgain > 5 && seen.gaveUp > 5)
        #expect(policy == .catchUp || seen.skippedDeliveries > 100)
    }
}

private struct Simulation {
    private let seed: UInt64
    private var random: SeededGenerator
    private var ring = FrameRing()
    private var outbox = Outbox()
    private var performed = Position(3)
    private var next: UInt64 = 4

    private let policy: SlowConsumerPolicy
    private var reading: CatchUp.Request?
    /// What was skipped, as it was to be recorded.
    private(set) var skipped: [ClosedRange<Position>] = []
    private(set) var coverage = Coverage()

    /// How often what happened.
    struct Coverage {
        var left = 0
        var leftWithSeveralInFlight = 0
        var leftAgain = 0
        var gaveUp = 0
        var joined = 0
        var ended = 0
        var skippedDeliveries = 0

        mutating func add(_ other: Coverage) {
            left += other.left
            leftWithSeveralInFlight += other.leftWithSeveralInFlight
            leftAgain += other.leftAgain
            gaveUp += other.gaveUp
            joined += other.joined
            ended += other.ended
            skippedDeliveries += other.skippedDeliveries
        }
    }

    /// What is addressed to the connection, in order.
    private var deliveries: [(position: Position, frame: [UInt8])] = []
    private var isActive = false
    private var activatedAt = Position.zero
    private var pings: [String] = []
    private var refusals = 0
    private let handshake = Array("HTTP/1.1 101 Switching\r\n\r\n".utf8)

    private var taken: [UInt8] = []
    /// What the client has parsed of it.
    private var parsed = (offset: 0, complete: 0, closes: 0, lastPing: -1, lastDelivered: Position.zero)
    private var inChannel: [UInt8] = []
    private var deliveredWhenFrozen: Int?
    private var isFinished = false
    /// The chances of this run, percent: some runs never block, some never freeze, some have large frames.
    private let chances: (full: Int, blocked: Int, channel: Int, large: Int, freeze: Int, evict: Int, read: Int)

    init(seed: UInt64, policy: SlowConsumerPolicy) {
        self.seed = seed
        self.policy = policy
        random = SeededGenerator(seed: seed)
        chances = (
            full: [0, 30, 80].randomElement(using: &random) ?? 0,
            blocked: [0, 20, 50].randomElement(using: &random) ?? 0,
            channel: [10, 50, 90].randomElement(using: &random) ?? 0,
            large: [0, 5, 40].randomElement(using: &random) ?? 0,
            freeze: [0, 1, 3].randomElement(using: &random) ?? 0,
            evict: [20, 60, 100].randomElement(using: &random) ?? 0,
            read: [5, 30, 80].randomElement(using: &random) ?? 0
        )
    }

    mutating func run(steps: Int) {
        for _ in 0..<steps where !isFinished {
            step()
            check()
        }
        // Then the socket takes everything.
        while !isFinished, outbox.channelBytes > 0 || outbox.hasOutput(head: ring.head) || outbox.isOnDetour {
            flushChannel()
            finishRead()
            transmit(everything: true)
            check()
        }
        if !isFinished, isActive {
            if deliveredWhenFrozen == nil {
                expect(outbox.phase == .idle, "not idle at the end")
                expect(parsed.complete == deliveries.count, "deliveries are missing")
                expect(outbox.insertBytes == 0, "inserts are left")
                expect(!outbox.isOnDetour && outbox.ownMemoryBytes == 0, "memory is kept")
            } else {
                expect(outbox.closeHasLeft, "the Close has not left")
            }
        }
        if !isFinished { finish() }
        checkThrough(outbox.deliveredThrough(ring: ring, performedThrough: performed))
        coverage.skippedDeliveries = deliveries.count { isSkipped($0.position) }
    }

    // MARK: Steps

    private mutating func step() {
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<40: perform()
        case 40..<60: transmit(everything: false)
        case 60..<75: if random.chance(chances.channel) { flushChannel() }
        case 75..<85: control()
        case 85..<97: if policy != .disconnect, random.chance(chances.evict) { evict() } else { dropRuns() }
        case 97 where policy != .disconnect: finishRead()
        default:
            if random.chance(chances.freeze * 30) { freeze() }
            if random.chance(chances.freeze) { finish() }
        }
    }

    /// One batch: broadcasts and targeted frames, and before the activation, maybe that.
    private mutating func perform() {
        let start = ring.head
        var texts: [(position: UInt64, text: String)] = []
        var changes: [(position: UInt64, offset: UInt64, frame: [UInt8]?)] = []
        var run = FrameRun(start: start)
        for _ in 0..<Int.random(in: 0...4, using: &random) {
            if random.chance(20) { next += 1 }  // an event that addresses nobody
            let text = payload()
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<6:
                texts.append((next, text))
                run = FrameRun(start: start, texts)
                if isActive { deliveries.append((Position(next), ByteBuffer.text(text).bytes)) }
            case 6..<9:
                guard isActive else { break }
                changes.append((next, run.end, ByteBuffer.text(text).bytes))
                deliveries.append((Position(next), ByteBuffer.text(text).bytes))
            default:
                guard !isActive else { break }
                isActive = true
                activatedAt = Position(next)
                changes.append((next, run.end, nil))
            }
            next += 1
        }
        ring.append(run)
        defer { if random.chance(chances.read) { finishRead() } }
        let wasIdle = outbox.phase == .idle
        for change in changes {
            if let frame = change.frame {
                outbox.add(
                    ByteBuffer(bytes: frame), at: Position(change.position), offset: change.offset, served: start)
            } else {
                outbox.activate(at: change.offset, handshake: ByteBuffer(bytes: handshake))
            }
        }
        if wasIdle, changes.isEmpty, run.bytes.readableBytes > 0 { fanOut(run) }
        performed = Position(next - 1)
        if !changes.isEmpty { transmit(everything: false) }
    }

    private mutating func fanOut(_ run: FrameRun) {
        let count = amount(of: run.bytes.readableBytes)
        taken += run.bytes.bytes.prefix(count)
        if count < run.bytes.readableBytes {
            outbox.tookPart(of: run.start, byteCount: count)
            if random.chance(40) {
                handSealed(run.bytes.bytes.dropFirst(count))
            } else if random.chance(50) {
                handToChannel()
            }
        }
    }

    /// The kernel did not take all of a record, and what is sealed stays sealed.
    private mutating func handSealed(_ rest: ArraySlice<UInt8>) {
        inChannel = Array(rest.prefix(4096))
        outbox.handedToChannel(inChannel.count)
    }

    private mutating func transmit(everything: Bool) {
        guard outbox.channelBytes == 0 else { return }
        guard outbox.hasOutput(head: ring.head) || goOn() else { return }
        var stretch = ByteBuffer()
        let limit = everything ? 1 << 20 : [1, 7, 100, 65_536].randomElement(using: &random) ?? 1
        outbox.copyStretch(from: ring, limit: limit, into: &stretch)
        expect(stretch.readableBytes > 0 && stretch.readableBytes <= limit, "a stretch of \(stretch.readableBytes)")
        let count = everything ? stretch.readableBytes : amount(of: stretch.readableBytes)
        taken += stretch.bytes.prefix(count)
        outbox.took(count, head: ring.head)
        if count < stretch.readableBytes { handToChannel() } else if !outbox.hasOutput(head: ring.head) { _ = goOn() }
    }

    /// As a connection does when it has sent everything.
    private mutating func goOn() -> Bool {
        switch outbox.advance(ring: ring, performedThrough: performed) {
        case nil:
            return false
        case .read(let request):
            expect(reading == nil, "two reads at a time")
            expect(request.first <= request.last && request.last <= performed, "it reads \(request)")
            reading = request
            return false
        case .joined(let range):
            coverage.joined += 1
            record(range)
            return outbox.hasOutput(head: ring.head)
        }
    }

    private mutating func record(_ range: ClosedRange<Position>?) {
        guard let range else { return }
        expect(range.lowerBound > skipped.last?.upperBound ?? activatedAt, "\(range) was skipped, after \(skipped)")
        expect(range.upperBound <= performed, "\(range) was skipped, beyond \(performed)")
        skipped.append(range)
    }

    private func isSkipped(_ position: Position) -> Bool { skipped.contains { $0.contains(position) } }

    /// The log gives a part of what was asked for, or all.
    private mutating func finishRead() {
        guard let request = reading else { return }
        reading = nil
        let last = Position.RawValue.random(in: request.first.rawValue...request.last.rawValue, using: &random)
        let end = random.chance(chances.full) ? request.last : Position(last)
        var run = FrameRun(start: request.offset)
        for delivery in deliveries where delivery.position >= request.first && delivery.position <= end {
            run.bytes.writeBytes(delivery.frame)
            run.marks.append(FrameRun.Mark(position: delivery.position, end: run.end))
        }
        outbox.add(CatchUp.Chunk(run: run, last: end))
        if random.chance(50) { transmit(everything: false) }
    }

    /// The ring is too large, or what is kept for this connection alone.
    private mutating func evict() {
        let wasOnDetour = outbox.isOnDetour
        if random.chance(30) {
            let before = outbox.deliveredThrough(ring: ring, performedThrough: performed)
            if outbox.detours.first?.stream.mark(after: outbox.cursor) != nil { coverage.gaveUp += 1 }
            outbox.giveUpReadAhead()
            let after = outbox.deliveredThrough(ring: ring, performedThrough: performed)
            expect(before == after, "giving up what was read moved \(before) to \(after)")
        } else {
            for _ in 0..<Int.random(in: 1...3, using: &random) where ring.count > 0 {
                if outbox.needsStream(before: ring.endOfOldest) {
                    outbox.leaveRing(policy, ring: ring, performedThrough: performed)
                    if wasOnDetour { coverage.leftAgain += 1 } else { coverage.left += 1 }
                    if outbox.begunInsertCount > 1 { coverage.leftWithSeveralInFlight += 1 }
                }
                ring.evictOldest()
            }
        }
        if random.chance(50) { transmit(everything: false) }
    }

    private mutating func handToChannel() {
        var buffer = ByteBuffer()
        // One byte, or a stretch as with TLS.
        let limit = random.chance(50) ? Outbox.channelBytesMax : 4096
        outbox.handToChannel(from: ring, limit: limit, into: &buffer)
        expect(buffer.readableBytes <= limit, "the channel was given \(buffer.readableBytes) bytes")
        inChannel = buffer.bytes
    }

    private mutating func flushChannel() {
        guard outbox.channelBytes > 0 else { return }
        taken += inChannel
        inChannel = []
        outbox.channelFlushed(head: ring.head)
    }

    private mutating func control() {
        guard isActive else { return }
        if random.chance(70) {
            pings.append("ping \(pings.count)")
            outbox.addControl(.pong(pings[pings.count - 1]), .pong, ring: ring)
        } else {
            refusals += 1
            outbox.addControl(.text("refused \(refusals)"), .refusal, ring: ring)
        }
    }

    private mutating func dropRuns() {
        ring.drop(before: outbox.streamCursor ?? ring.head)
    }

    private mutating func freeze() {
        guard outbox.phase == .idle || outbox.phase == .behind else { return }
        if outbox.isOnDetour { coverage.ended += 1 }
        record(outbox.freeze(close: .closing(), ring: ring, performedThrough: performed))
        expect(outbox.streamCursor == nil, "it needs the ring")
        deliveredWhenFrozen = deliveries.count
        if random.chance(50) { while ring.count > 0 { ring.evictOldest() } }
    }

    private mutating func finish() {
        if outbox.isOnDetour { coverage.ended += 1 }
        record(outbox.finish(ring: ring, performedThrough: performed).skipped)
        isFinished = true
    }

    private mutating func payload() -> String {
        let count = random.chance(chances.large) ? 20_000 : Int.random(in: 0...40, using: &random)
        return "\(next) " + String(repeating: "abcdefghij".randomElement(using: &random) ?? "a", count: count)
    }

    private mutating func amount(of count: Int) -> Int {
        if random.chance(chances.full) { return count }
        if random.chance(chances.blocked) { return 0 }
        return Int.random(in: 0...count, using: &random)
    }

    // MARK: Checks

    /// Parses what the socket took since the last time.
    private mutating func parse() {
        guard taken.count >= handshake.count else {
            return expect(taken == Array(handshake.prefix(taken.count)), "the handshake is cut")
        }
        if parsed.offset == 0 {
            expect(Array(taken.prefix(handshake.count)) == handshake, "the handshake does not come first")
            parsed.offset = handshake.count
        }
        var rest = taken[parsed.offset...]
        for frame in SentFrame.takeAll(from: &rest) {
            expect(parsed.closes == 0, "something came after the Close")
            switch frame.opcode {
            case 8: parsed.closes += 1
            case 10:
                let ping = pings.firstIndex(of: frame.text) ?? -1
                expect(ping > parsed.lastPing, "pong \(frame.text) out of order")
                parsed.lastPing = ping
            case 1 where frame.payload.first == 0x72: break  // a refusal
            default:
                passSkipped()
                guard parsed.complete < deliveries.count else {
                    expect(false, "more frames than deliveries")
                    break
                }
                let expected = deliveries[parsed.complete].frame
                expect(expected.suffix(frame.payload.count) == frame.payload[...], "\(parsed.complete) differs")
                parsed.lastDelivered = deliveries[parsed.complete].position
                parsed.complete += 1
            }
        }
        parsed.offset = rest.startIndex
        passSkipped()
    }

    private mutating func passSkipped() {
        while parsed.complete < deliveries.count, isSkipped(deliveries[parsed.complete].position) {
            parsed.complete += 1
        }
    }

    private mutating func check() {
        parse()
        guard isActive else {
            expect(taken.isEmpty, "bytes before the activation")
            return
        }
        let frameBytes = max(0, taken.count - handshake.count)
        let bytesSent = outbox.bytesSent(head: ring.head)
        expect(bytesSent == UInt64(frameBytes), "bytesSent is \(bytesSent), not \(frameBytes)")
        if let limit = deliveredWhenFrozen { expect(parsed.complete <= limit, "a delivery after the freeze") }
        expect(outbox.closeHasLeft == (parsed.closes == 1), "closeHasLeft is \(outbox.closeHasLeft)")
        checkThrough(outbox.deliveredThrough(ring: ring, performedThrough: performed))
    }

    /// Everything addressed at or before `through` was taken in full or skipped; what comes next was not.
    private func checkThrough(_ through: Position) {
        guard isActive else {
            expect(through == .zero, "\(through) without an activation")
            return
        }
        let complete = parsed.complete
        let last = parsed.lastDelivered
        let open = complete < deliveries.count ? deliveries[complete].position : Position(.max)
        expect(
            through >= last && through < open,
            "deliveredThrough \(through), but \(last) has left and \(open) has not")
        expect(through <= performed, "deliveredThrough \(through) is beyond \(performed)")
    }

    private func expect(_ condition: Bool, _ text: String) {
        if !condition { Issue.record("seed \(seed): \(text)") }
    }
}
