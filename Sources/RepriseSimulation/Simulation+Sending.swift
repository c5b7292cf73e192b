// Every byte that the server hands to the kernel comes by here, and is held against what the log owes.

internal import CSimulatedKernel
internal import Glibc
internal import NIOCore
internal import Reprise
internal import RepriseServer

/// The simulated half of the kernel's socket calls.
enum SimulatedKernel {
    /// Sends from simulated sockets go to the simulation that runs.
    static func attach() {
        unsafe simulated_sockets_begin(
            { descriptor, bytes, count in
                guard let simulation = unsafe Simulation.current, let socket = simulation.descriptors[descriptor] else {
                    unsafe Simulation.current?.violation = Violation(
                        "bytes for descriptor \(descriptor), which is closed")
                    return -Int64(EBADF)
                }
                return unsafe Int64(simulation.send(socket, UnsafeRawBufferPointer(start: bytes, count: Int(count))))
            },
            { descriptor in unsafe Simulation.current?.descriptors[descriptor]?.server = .finished },
            { descriptor in unsafe Simulation.current?.descriptors[descriptor]?.isResetOnClose = true })
    }
}

extension Simulation {
    /// `send(2)`: what the kernel takes this time, and what that means to the client.
    func send(_ socket: SimulatedSocket, _ bytes: UnsafeRawBufferPointer) -> Int {
        guard violation == nil, !SimulatedDisk.hasCrashed else { return -Int(EPIPE) }
        var most = bytes.count
        if kernelHasMoods, let partialMax = swarm.partialMax, number(2) == 0 { most = number(partialMax + 1) }
        let taken = socket.send(bytes.count, atMost: most)
        guard taken > 0 else { return taken }
        do {
            guard let client = clients.first(where: { $0.socket === socket }) else {
                throw Violation("bytes for nobody")
            }
            note(unsafe XXH64.hash(RawSpan(_unsafeBytes: UnsafeRawBufferPointer(rebasing: bytes.prefix(taken)))))
            let counted = client.stream.countedBytes
            let all = try unsafe client.take(UnsafeRawBufferPointer(rebasing: bytes.prefix(taken)))
            if client.stream.countedBytes > counted { socket.noteTraffic(time.now) }
            for said in all {
                try judge(said.what, for: client)
            }
        } catch {
            violation = error as? Violation ?? Violation("\(error)")
        }
        return taken
    }

    /// What a kernel has ready of so many bytes.
    func readCount(_ available: Int) -> Int {
        guard kernelHasMoods, let partialMax = swarm.partialMax, number(2) == 0 else { return available }
        return 1 + number(min(available, partialMax))
    }

    /// Holds what a client was told against the log, which must have it by now.
    func judge(_ said: ServerStream.Said, for client: SimulatedClient) throws {
        guard let log = server?.log else { throw Violation("a server speaks that is gone") }
        guard try follow(log) else { return unjudged.append((client, said)) }
        switch said {
        case .reply(101, let fields, _):
            guard let id = fields["x-reprise-connection-id"].flatMap({ ConnectionID(text: $0) }),
                oracle.lives[id] != nil
            else {
                throw Violation("a 101 for a connection that is not in the log")
            }
            client.opened(id)
        case .reply(200, let fields, let body):
            guard let posted = client.posted else { return }
            let text =
                fields["x-reprise-position"]
                ?? body.split(separator: ":").dropFirst().first?.split(separator: ",").first.map(String.init)
            guard let position = text.flatMap({ UInt64($0) }), oracle.events.indices.contains(Int(position) - 1),
                case .sent(let sent) = oracle.events[Int(position) - 1].fact,
                Array(sent.body.readableBytesView) == posted
            else { throw Violation("a post was acknowledged that is not in the log: \(body)") }
        case .message(let isText, let payload):
            if payload.starts(with: Array(#"{"message": "Internal server error""#.utf8)) { return client.refused() }
            guard let life = client.id.flatMap({ oracle.lives[$0] }) else {
                throw Violation("a message before the 101")
            }
            try client.match(isText: isText, payload, life, mayMiss: swarm.configuration.slowConsumerPolicy == .skip)
            outcome.deliveries += 1
        case .close(let code): try client.closed(code)
        case .reply, .ping, .pong: break
        }
    }
}
