// What clients, the disk and time do to a server.

internal import CSimulatedKernel
internal import NIOCore
internal import Reprise
internal import RepriseServer

extension Simulation {
    func perform(_ happening: Happening) throws {
        note(UInt64(happening.weight))
        switch happening {
        case .connect: connect()
        case .broadcast: say(#"{"action":"onMessage","data":"\#(filler())"}"#)
        case .echo: say(#"{"action":"echo","n":"\#(filler())"}"#)
        case .nonsense: say(Bool.random(using: &random) ? "\(number(1 << 40))" : "nonsense \(number(1 << 40))")
        case .ping: anyOpen?.sendFrame(9, [1, 2, 3], mask: mask)
        case .post: call("POST", "", #""\#(filler())""#)
        case .postToOne: call("POST", anyName, #""\#(filler())""#)
        case .delete: delete()
        case .describe: call("GET", anyName, nil)
        case .clientReads: readSome()
        case .clientStalls: anyClient?.isStalled = true
        case .clientReturns: clients.filter(\.isStalled).randomElement(using: &random)?.isStalled = false
        case .clientCloses: anyOpen?.sendFrame(8, [0x03, 0xE8], mask: mask)
        case .clientVanishes: anyClient?.finish(Bool.random(using: &random) ? .finished : .reset)
        case .clientDribbles: dribble()
        case .timePasses: pass(.milliseconds(Int64(number(50))))
        case .longTimePasses: pass(.milliseconds(Int64(number(4000))))
        case .clockJumps: wallClockOffset += Int64(number(20)) * 1_000_000_000 - 10_000_000_000
        case .diskFull: SimulatedDisk.fail(.full, after: number(10), count: 1 + number(60))
        case .diskBroken: SimulatedDisk.fail(.broken, after: number(10), count: 1 + number(3))
        case .kill: try crash(.process)
        case .powerCut: try crash(powerCut)
        case .crashWithinCall: SimulatedDisk.crash(after: number(12))
        case .stop:
            try stop()
            try moveOn(after: .process)
            try start()
        }
    }

    func number(_ end: Int) -> Int { Int.random(in: 0..<end, using: &random) }

    var mask: UInt32 { UInt32.random(in: 0 ... .max, using: &random) }

    private var anyClient: SimulatedClient? { clients.randomElement(using: &random) }

    private var anyOpen: SimulatedClient? { clients.filter(\.isOpen).randomElement(using: &random) }

    /// A connection that is open, was, or never has been.
    private var anyName: String {
        let known = clients.compactMap(\.id)
        return "/" + (known.randomElement(using: &random)?.text ?? "L0SM9cOFvHcCIhw=")
    }

    /// Text that no other message has.
    private func filler() -> String {
        "\(number(1 << 60))-" + String(repeating: "x", count: number(swarm.payloadBytesMax))
    }

    // MARK: Clients

    /// A client connects to the server.
    @discardableResult
    func open(posting posted: [UInt8]? = nil) -> SimulatedClient {
        let socket = descriptors.open(capacity: swarm.socketBytes, now: time.now)
        let loop = loops[number(swarm.loopCount)]
        let channel = SimulatedChannel(socket, on: loop, in: self)
        let client = SimulatedClient(socket, channel, posted: posted)
        clients.append(client)
        loop.execute { [weak self] in
            guard let server = self?.server, channel.isActive else { return }
            do { try server.equip(channel) } catch { preconditionFailure("cannot equip a socket: \(error)") }
            channel.start()
        }
        return client
    }

    private func connect() {
        guard clients.count < 60 else { return }
        let client = open()
        client.dribbles = number(8) == 0
        client.isStalled = number(16) == 0
        client.answersPings = number(8) > 0
        client.send(
            Array(
                ("GET /dev HTTP/1.1\r\nHost: simulated\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n").utf8))
    }

    private func say(_ text: String) {
        guard let client = anyOpen else { return }
        client.say(text, mask: mask)
    }

    private func call(_ method: String, _ connection: String, _ body: String?) {
        guard clients.count < 60 else { return }
        let client = open(posting: body.map { Array($0.utf8) })
        let length = body.map { "Content-Length: \($0.utf8.count)\r\n" } ?? ""
        client.send(
            Array(
                "\(method) /dev/@connections\(connection) HTTP/1.1\r\nHost: localhost\r\n\(length)\r\n\(body ?? "")"
                    .utf8))
    }

    private func delete() {
        let name = anyName
        deleted.insert(String(name.dropFirst()))
        call("DELETE", name, nil)
    }

    private func readSome() {
        for client in clients where !client.isStalled && number(3) > 0 {
            client.read(atMost: number(4) == 0 ? 1 + number(200) : .max, mask: mask)
        }
        clients.removeAll { client in
            let isOver = client.socket.client != .open && client.channel.isTakenApart
            if isOver, client.id != nil { past.append(client) }
            return isOver
        }
    }

    private func dribble() {
        for client in clients where client.dribbles { client.flush(atMost: 1 + number(40)) }
        if number(4) == 0 { anyOpen?.dribbles.toggle() }
    }

    // MARK: Time

    func pass(_ amount: TimeAmount) { time.advance(to: time.now + amount) }
}
