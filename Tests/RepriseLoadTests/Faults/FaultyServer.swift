import NIOCore
import NIOPosix

@testable import RepriseLoad

/// A broadcast server on loopback, one thread, that makes one fault of the tester's choice. It knows just as much of
/// WebSocket as the load generator sends: whole frames with at most 16-bit lengths.
final class FaultyServer: Sendable {
    /// What goes wrong, once.
    enum Fault: Sendable {
        /// Nothing.
        case none
        /// This delivery of the victim's is left out (counted from 0).
        case drop(Int)
        /// This delivery comes twice.
        case duplicate(Int)
        /// This delivery and the next are exchanged.
        case swap(Int)
        /// One bit of this delivery's payload is another.
        case corrupt(Int)
        /// This error frame is left out (counted from 0 over all senders).
        case dropError(Int)
        /// This error frame comes twice.
        case duplicateError(Int)
        /// This error frame goes to the victim too.
        case strayError(Int)
        /// Everybody is disconnected at this broadcast.
        case hangUp(Int)
        /// From this broadcast on nobody gets anything.
        case silence(Int)
    }

    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private let channel: any Channel
    /// For ``FanoutPlan/url``.
    var url: String { "ws://127.0.0.1:\(channel.localAddress?.port ?? 0)/" }

    /// - Parameters:
    ///   - victim: whom the fault is for: the so-manieth client to connect, from 0.
    init(_ fault: Fault, victim: Int) async throws {
        let loop = group.next()
        let room = try await loop.submit { NIOLoopBound(Room(fault, victim: victim), eventLoop: loop) }.get()
        channel = try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 256)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Guest(room.value))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
    }

    /// Stops it.
    func stop() async throws {
        try await channel.close()
        try await group.shutdownGracefully()
    }
}

/// Everybody who is connected, and the fault.
private final class Room {
    private let fault: FaultyServer.Fault
    private let victim: Int
    private var guests: [any Channel] = []
    private var broadcasts = 0
    private var errors = 0
    private var held: ByteBuffer?

    init(_ fault: FaultyServer.Fault, victim: Int) {
        self.fault = fault
        self.victim = victim
    }

    func enter(_ guest: any Channel) -> Int {
        guests.append(guest)
        return guests.count - 1
    }

    func broadcast(_ frame: ByteBuffer) {
        let number = broadcasts
        broadcasts += 1
        switch fault {
        case .hangUp(number): for guest in guests { guest.close(promise: nil) }
        case .silence(let first) where number >= first: return
        default: break
        }
        for index in guests.indices {
            for frame in index == victim ? altered(frame, number) : [frame] {
                guests[index].writeAndFlush(frame, promise: nil)
            }
        }
    }

    /// What the victim gets in the place of a broadcast.
    private func altered(_ frame: ByteBuffer, _ number: Int) -> [ByteBuffer] {
        switch fault {
        case .drop(number): return []
        case .duplicate(number): return [frame, frame]
        case .swap(number):
            held = frame
            return []
        case .swap(number - 1):
            return [frame, held].compactMap(\.self)
        case .corrupt(number):
            var changed = frame
            let last = frame.writerIndex - 2
            changed.setInteger((frame.getInteger(at: last) ?? UInt8(0)) ^ 0x04, at: last)
            return [changed]
        default: return [frame]
        }
    }

    func refuse(_ guest: Int) {
        let number = errors
        errors += 1
        let frame = Guest.frame(
            ByteBuffer(
                string:
                    #"{"message": "Bad request body", "connectionId":"client-\#(guest)", "requestId":"r-\#(number)"}"#))
        var count = 1
        switch fault {
        case .dropError(number): count = 0
        case .duplicateError(number): count = 2
        case .strayError(number): guests[victim].writeAndFlush(frame, promise: nil)
        default: break
        }
        for _ in 0..<count { guests[guest].writeAndFlush(frame, promise: nil) }
    }
}

/// One connection: the handshake, then frames.
private final class Guest: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let room: Room
    private var received = ByteBuffer()
    private var number: Int?

    init(_ room: Room) {
        self.room = room
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        received.writeBuffer(&bytes)
        if number == nil, !upgrade(context) { return }
        while let (opcode, body) = nextFrame() {
            guard opcode != MaskedFrame.Opcode.close else {
                var answer = Self.frame(body)
                answer.setInteger(0x80 | opcode, at: answer.readerIndex)
                context.writeAndFlush(NIOAny(answer), promise: nil)
                return context.close(promise: nil)
            }
            let text = String(buffer: body)
            let prefix = #"{"action":"onMessage","data":"#
            if text.hasPrefix(prefix) {
                room.broadcast(Self.frame(ByteBuffer(string: String(text.dropFirst(prefix.count).dropLast()))))
            } else if let number {
                room.refuse(number)
            }
        }
    }

    private func upgrade(_ context: ChannelHandlerContext) -> Bool {
        let text = String(buffer: received)
        let lines = text.split(separator: "\r\n")
        guard text.hasSuffix("\r\n\r\n"), let line = lines.first(where: { $0.hasPrefix("Sec-WebSocket-Key: ") })
        else { return false }
        received.clear()
        let accept = UpgradeHandshake(key: String(line.dropFirst("Sec-WebSocket-Key: ".count))).accept
        let answer =
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + "Sec-WebSocket-Accept: \(accept)\r\n\r\n"
        context.writeAndFlush(NIOAny(ByteBuffer(string: answer)), promise: nil)
        number = room.enter(context.channel)
        return true
    }

    /// The next frame's opcode and payload, unmasked; nil until it is whole.
    private func nextFrame() -> (UInt8, ByteBuffer)? {
        var rest = received
        guard let head = rest.readInteger(as: UInt16.self) else { return nil }
        var count = Int(head & 0x7F)
        if count == 126 {
            guard let length = rest.readInteger(as: UInt16.self) else { return nil }
            count = Int(length)
        }
        guard let key = rest.readBytes(length: 4), let masked = rest.readBytes(length: count) else { return nil }
        received = rest
        return (UInt8(head >> 8) & 0x0F, ByteBuffer(bytes: masked.enumerated().map { $1 ^ key[$0 & 3] }))
    }

    /// A text frame.
    static func frame(_ payload: ByteBuffer) -> ByteBuffer {
        var frame = ByteBuffer()
        frame.writeInteger(UInt8(0x81))
        if payload.readableBytes < 126 {
            frame.writeInteger(UInt8(payload.readableBytes))
        } else {
            frame.writeInteger(UInt8(126))
            frame.writeInteger(UInt16(payload.readableBytes))
        }
        frame.writeImmutableBuffer(payload)
        return frame
    }
}
