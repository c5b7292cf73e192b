import Glibc
import NIOCore
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
