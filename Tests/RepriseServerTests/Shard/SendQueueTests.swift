import Glibc
import NIOCore
import RepriseTesting
import Testing

@testable import RepriseServer

/// What became of a batch, by index; nothing for those that took everything.
private func send(_ bytes: [UInt8], _ queue: SendQueue, to sockets: [SocketPair]) -> [Int: SendResult] {
    let descriptors = sockets.map(\.mine)
    var shortfalls: [Int: SendResult] = [:]
    unsafe bytes.withUnsafeBytes { raw in
        unsafe queue.send(raw, to: descriptors.span) { shortfalls[$0] = $1 }
    }
    return shortfalls
}

/// Where the kernel has no io_uring there is nothing to test: `send(2)` does the work.
@Suite struct `A queue of sends` {
    @Test func `gives every socket the same bytes, in several batches`() throws {
        guard let queue = SendQueue() else { return }
        let sockets = (0..<SendQueue.batchMax).map { _ in SocketPair() }
        defer { for pair in sockets { pair.close() } }
        for round in 0..<5 {
            let bytes = Array("round \(round)".utf8)
            #expect(send(bytes, queue, to: sockets).isEmpty)
            #expect(sockets.allSatisfy { $0.received() == bytes })
        }
    }

    @Test func `gives each socket a piece of its own`() throws {
        guard let queue = SendQueue() else { return }
        let sockets = (0..<20).map { _ in SocketPair() }
        defer { for pair in sockets { pair.close() } }
        sockets[3].closePeer()
        let pieces = (0..<20).map { Array(repeating: UInt8($0), count: $0 + 1) }
        var end = 0
        let ends = pieces.map { piece in
            end += piece.count
            return end
        }
        var shortfalls: [Int] = []
        let (bytes, descriptors) = (pieces.flatMap { $0 }, sockets.map(\.mine))
        unsafe bytes.withUnsafeBytes { bytes in
            unsafe ends.withUnsafeBufferPointer { ends in
                unsafe queue.send(SendPieces(bytes, ends: ends), to: descriptors.span) { index, _ in
                    shortfalls.append(index)
                }
            }
        }
        #expect(shortfalls == [3])
        #expect((0..<20).allSatisfy { $0 == 3 || sockets[$0].received() == pieces[$0] })
    }

    @Test func `says whose socket is full, whose took a part, and whose is broken`() throws {
        guard let queue = SendQueue() else { return }
        let sockets = (0..<4).map { _ in SocketPair() }
        defer { for pair in sockets { pair.close() } }
        let large = [UInt8](repeating: 7, count: 8 << 20)
        // The first round fills two buffers; in the second one of them has no room at all.
        sockets[3].closePeer()
        guard case .took(let part) = send(large, queue, to: [sockets[1]])[0] else {
            Issue.record("8 MiB fitted into a socket")
            return
        }
        #expect(part > 0 && part < large.count)
        let shortfalls = send(large, queue, to: sockets)
        guard case .took = shortfalls[0], case .blocked = shortfalls[1], case .took = shortfalls[2],
            case .failed = shortfalls[3]
        else {
            Issue.record("\(shortfalls)")
            return
        }
    }
}

/// A kernel that fails when it is told to. It takes sends as the real one does until then.
private final class FaultyKernel {
    typealias Line = (taken: UInt32, says: Int?)

    /// What it answers from now on, call by call: how many sends it takes, and what it says.
    var script: [Line] = []
    /// Whether it stays with the last line of the script.
    var isStuck = true
    private(set) var calls = 0
    private(set) var failures: [SendQueueFailure] = []

    func makeQueue() -> SendQueue? { SendQueue(enter: enter, onFailure: { self.failures.append($0) }) }

    func enter(_ ring: CInt, _ sends: UInt32, _ answers: UInt32) -> Int {
        calls += 1
        guard let line = script.first else { return SendQueue.enterKernel(ring, sends, answers) }
        if script.count > 1 || !isStuck { script.removeFirst() }
        let taken = min(line.taken, sends)
        let result = taken > 0 ? SendQueue.enterKernel(ring, taken, taken) : 0
        return line.says ?? result
    }
}

@Suite struct `A queue of sends whose kernel fails` {
    private static let unexpected = [EINVAL, EPERM, ENOSYS, EBADF, EFAULT, EOPNOTSUPP, ENXIO]
    private static let passing = [EAGAIN, EBUSY, ENOMEM, EINTR]

    /// Two batches, of which the first meets the fault: everybody gets every byte once and in order.
    private func sendTwice(_ kernel: FaultyKernel, fault: [FaultyKernel.Line], isStuck: Bool = true) throws
        -> SendQueue?
    {
        guard let queue = kernel.makeQueue() else { return nil }
        let sockets = (0..<40).map { _ in SocketPair() }
        defer { for pair in sockets { pair.close() } }
        sockets[5].closePeer()
        sockets[25].closePeer()
        (kernel.script, kernel.isStuck) = (fault, isStuck)
        for text in ["first", "second"] {
            let shortfalls = send(Array(text.utf8), queue, to: sockets)
            #expect(shortfalls.keys.sorted() == [5, 25])
            for (index, shortfall) in shortfalls {
                guard case .failed = shortfall else {
                    Issue.record("\(index): \(shortfall)")
                    continue
                }
            }
        }
        for (index, pair) in sockets.enumerated() where index != 5 && index != 25 {
            #expect(pair.received() == Array("firstsecond".utf8))
        }
        return queue
    }

    @Test(arguments: unexpected, [0, 1, 7, 39, 40] as [UInt32])
    func `sends the rest one by one, and asks no more`(error: CInt, taken: UInt32) throws {
        // It says what it took, and fails when asked again; or it fails at once, having taken some.
        let faults: [[FaultyKernel.Line]] = [
            [(taken: taken, says: nil), (taken: 0, says: -Int(error))], [(taken: taken, says: -Int(error))],
        ]
        for fault in faults {
            let kernel = FaultyKernel()
            guard let queue = try sendTwice(kernel, fault: fault) else { return }
            #expect(!queue.isWorking)
            #expect(kernel.failures.map(\.error) == [error])
            #expect(kernel.failures.map(\.isAtStart) == [false])
            #expect(kernel.calls <= 4)
        }
    }

    @Test(arguments: passing, [0, 7] as [UInt32])
    func `asks again while something is short, but not for ever`(error: CInt, taken: UInt32) throws {
        let kernel = FaultyKernel()
        guard let queue = try sendTwice(kernel, fault: [(taken: taken, says: nil), (taken: 0, says: -Int(error))])
        else {
            return
        }
        #expect(!queue.isWorking)
        #expect(kernel.failures.map(\.error) == [error])
        #expect(kernel.calls <= 2 + SendQueue.fruitlessMax)
    }

    @Test(arguments: passing)
    func `goes on where the shortage passes`(error: CInt) throws {
        let kernel = FaultyKernel()
        var fault: [FaultyKernel.Line] = Array(repeating: (taken: 0, says: -Int(error)), count: 5)
        fault.append((taken: 3, says: nil))
        fault += Array(repeating: (taken: 0, says: -Int(error)), count: 5)
        guard let queue = try sendTwice(kernel, fault: fault, isStuck: false) else { return }
        #expect(queue.isWorking)
        #expect(kernel.failures.isEmpty)
    }

    @Test func `gives up where nothing happens and nothing is said`() throws {
        let kernel = FaultyKernel()
        guard let queue = try sendTwice(kernel, fault: [(taken: 0, says: 0)]) else { return }
        #expect(!queue.isWorking)
        #expect(kernel.failures.map(\.error) == [0])
    }

    @Test(arguments: unexpected + passing)
    func `is not used where the first try fails`(error: CInt) {
        let kernel = FaultyKernel()
        guard SendQueue() != nil else { return }
        kernel.script = [(taken: 0, says: -Int(error))]
        let queue = kernel.makeQueue()
        #expect(queue == nil)
        #expect(kernel.failures.map(\.error) == [error])
        #expect(kernel.failures.map(\.isAtStart) == [true])
    }

    /// As kernels 5.1 to 5.5, which have rings without sends.
    @Test func `is not used where the operation is unknown`() {
        guard SendQueue() != nil else { return }
        var failures: [SendQueueFailure] = []
        let queue = SendQueue(operation: 255, onFailure: { failures.append($0) })
        #expect(queue == nil)
        #expect(failures.map(\.error) == [EINVAL])
    }

    @Test func `sends one by one where the operation is not known any more`() throws {
        let kernel = FaultyKernel()
        guard let queue = kernel.makeQueue() else { return }
        let sockets = (0..<20).map { _ in SocketPair() }
        defer { for pair in sockets { pair.close() } }
        queue.operation = 255
        for _ in 0..<2 { #expect(send([1, 2], queue, to: sockets).isEmpty) }
        #expect(sockets.allSatisfy { $0.received() == [1, 2, 1, 2] })
        #expect(!queue.isWorking)
        #expect(kernel.failures.map(\.error) == [EINVAL])
    }
}

@Suite struct `The idle connections` {
    @Test(arguments: [true, false], [1, 7, 8, 300])
    func `all get the bytes, with and without io_uring`(usesQueue: Bool, count: Int) throws {
        let bench = try ShardBench()
        defer { bench.finish() }
        var idle = IdleConnections(queue: usesQueue ? SendQueue() : nil)
        let sockets = (0..<count).map { _ in SocketPair() }
        let connections = sockets.map { pair in
            let connection = Connection(
                id: bench.gateway.makeConnectionID(), gateway: bench.gateway, handshake: ByteBuffer())
            connection.descriptor = pair.mine
            return connection
        }
        for connection in connections { idle.insert(connection) }
        sockets[count / 2].closePeer()
        let shortfalls = unsafe Array("hello".utf8).withUnsafeBytes { unsafe idle.send($0) }
        #expect(shortfalls.map { $0.connection === connections[count / 2] } == [true])
        for (index, pair) in sockets.enumerated() where index != count / 2 {
            #expect(pair.received() == Array("hello".utf8))
        }
        for connection in connections {
            let wasThere = idle.remove(connection)
            #expect(wasThere)
        }
        for pair in sockets { pair.close() }
    }
}
