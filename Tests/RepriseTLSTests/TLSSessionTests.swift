import NIOCore
import RepriseTesting
import Testing

@testable import RepriseTLS

/// The same for both versions that are spoken.
private let versions: [TLSClient.Version] = [.tls12, .tls13]

@Suite struct `A session of TLS` {
    private let context: TLSContext
    private let certificate: TLSCertificate

    init() throws {
        context = try TLSContext()
        certificate = try TestCertificate.load()
    }

    private func pair(_ version: TLSClient.Version = .tls13, isThrough: Bool = true) throws -> TLSPair {
        try TLSPair(TLSClient(version), context, certificate, isThrough: isThrough)
    }

    @Test(arguments: versions) func `carries bytes both ways`(_ version: TLSClient.Version) throws {
        let pair = try pair(version)
        #expect(pair.client.isEstablished)
        #expect(pair.server.isEstablished)
        #expect(try pair.ask("hello") == "hello")
        #expect(try pair.tell("and hello") == "and hello")
        #expect(pair.client.agreedProtocol == "http/1.1")
    }

    @Test(arguments: [["h2"], []]) func `serves who offers no protocol of its own`(_ offer: [String]) throws {
        let pair = try TLSPair(TLSClient(protocols: offer), context, certificate)
        #expect(pair.client.agreedProtocol == "")
        #expect(try pair.tell("hello") == "hello")
    }

    @Test(arguments: versions) func `takes bytes in whatever pieces they come`(_ version: TLSClient.Version) throws {
        let pair = try pair(version, isThrough: false)
        let text = String(repeating: "abcdefg", count: 300)
        var isSaid = false
        while pair.client.output.readableBytes + pair.server.output.readableBytes > 0 {
            for byte in pair.client.said().readableBytesView { try pair.server.take(ByteBuffer(bytes: [byte])) }
            for byte in pair.server.said().readableBytesView { try pair.client.take(ByteBuffer(bytes: [byte])) }
            if !isSaid, pair.server.isEstablished {
                try pair.client.seal(text)
                try pair.server.seal(text)
                isSaid = true
            }
        }
        #expect(pair.server.heard() == text)
        #expect(pair.client.heard() == text)
    }

    @Test(arguments: versions) func `takes a record cut anywhere`(_ version: TLSClient.Version) throws {
        let pair = try pair(version)
        try pair.client.seal("first")
        try pair.client.seal("second")
        let length = pair.client.output.readableBytes
        for cut in 0...length {
            if cut > 0 {
                try pair.client.seal("first")
                try pair.client.seal("second")
            }
            var sealed = pair.client.said()
            #expect(sealed.readableBytes == length)
            try pair.server.take(sealed.readSlice(length: cut) ?? ByteBuffer())
            try pair.server.take(sealed)
            #expect(pair.server.heard() == "firstsecond")
        }
    }

    @Test(arguments: versions) func `carries more than a record holds`(_ version: TLSClient.Version) throws {
        let pair = try pair(version)
        _ = try pair.tell("tickets leave with the first record")
        var random = SeededGenerator(seed: 1)
        var expected: [UInt8] = []
        for size in [TLSSession.recordBytesMax, 1, TLSSession.recordBytesMax - 1] {
            let bytes = (0..<size).map { _ in UInt8.random(in: 0...255, using: &random) }
            expected += bytes
            let before = pair.server.output.readableBytes
            try unsafe pair.server.session.seal(bytes.span.bytes, into: &pair.server.output)
            let added = pair.server.output.readableBytes - before
            #expect(size...size + TLSSession.recordOverheadBytesMax ~= added)
        }
        // In pieces that end nowhere in particular, and into a buffer that is as large as it must be.
        var sealed = pair.server.said()
        while let piece = sealed.readSlice(length: min(sealed.readableBytes, 5000)), piece.readableBytes > 0 {
            try pair.client.take(piece)
        }
        #expect(Array(pair.client.opened.readableBytesView) == expected)
    }

    @Test func `answers a change of keys with the next record`() throws {
        let pair = try pair()
        _ = try pair.tell("tickets")
        for round in 0..<100 {
            try pair.client.session.updateKeys(into: &pair.client.output)
            #expect(try pair.ask("\(round) there") == "\(round) there")
            #expect(pair.server.output.readableBytes == 0)
            #expect(try pair.tell("\(round) back") == "\(round) back")
        }
    }

    @Test func `ends with a peer that changes keys and says nothing`() throws {
        let pair = try pair()
        #expect(throws: TLSError.self) {
            for _ in 0..<1000 {
                try pair.client.session.updateKeys(into: &pair.client.output)
                try pair.server.take(pair.client.said())
            }
        }
    }

    @Test(arguments: versions) func `says goodbye once, and hears it`(_ version: TLSClient.Version) throws {
        let pair = try pair(version)
        try pair.server.seal("last words")
        pair.server.session.end(into: &pair.server.output)
        let goodbye = pair.server.output.readableBytes
        pair.server.session.end(into: &pair.server.output)
        #expect(pair.server.output.readableBytes == goodbye)
        try pair.client.take(pair.server.said())
        #expect(pair.client.heard() == "last words")
        #expect(pair.client.hasPeerEnded)
        // The other direction is open still.
        try pair.client.seal("one more thing")
        pair.client.session.end(into: &pair.client.output)
        try pair.server.take(pair.client.said())
        #expect(pair.server.heard() == "one more thing")
        #expect(pair.server.hasPeerEnded)
        #expect(throws: TLSError.self) { try pair.server.seal("too late") }
    }

    @Test func `says nothing at the end of a handshake that did not get through`() throws {
        let pair = try pair(isThrough: false)
        pair.server.session.end(into: &pair.server.output)
        #expect(pair.server.output.readableBytes == 0)
    }

    // MARK: Tickets

    private func resumes(_ client: TLSClient, _ certificate: TLSCertificate) throws -> Bool {
        let pair = try TLSPair(client, context, certificate)
        #expect(try pair.tell("hello") == "hello")
        #expect(pair.client.wasResumed == pair.server.wasResumed)
        return pair.server.wasResumed
    }

    @Test(arguments: versions) func `is shortened by a ticket, also after the certificate was renewed`(
        _ version: TLSClient.Version
    ) throws {
        let client = try TLSClient(version)
        #expect(try !resumes(client, certificate))
        #expect(try resumes(client, certificate))
        #expect(try resumes(client, TestCertificate.load(TestCertificate.two, key: TestCertificate.keyOfTwo)))
    }

    // MARK: Peers that get it wrong

    @Test func `refuses TLS 1.1 and says so to the peer`() throws {
        let pair = try pair(.tls11, isThrough: false)
        let hello = pair.client.said()
        #expect(throws: TLSError.oldVersion) { try pair.server.take(hello) }
        let protocolVersion = 70
        #expect(throws: TLSError.alert(protocolVersion)) { try pair.client.take(pair.server.said()) }
    }

    @Test(arguments: [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "POST /dev/@connections/x HTTP/1.1\r\n", "CONNECT a:443 HTTP/1.1\r\n",
    ])
    func `knows a request that came without TLS`(_ request: String) throws {
        let pair = try pair(isThrough: false)
        #expect(throws: TLSError.plainHTTP) { try pair.server.take(ByteBuffer(string: request)) }
        #expect(pair.server.output.readableBytes == 0)
        #expect("\(TLSError.plainHTTP)".contains("wss://"))
    }

    @Test func `knows what is no TLS`() throws {
        for garbage in ["SSH-2.0-OpenSSH_9.9\r\n", "\0\0\0\0\0\0", "DELETE /dev HTTP/1.1\r\n"] {
            let pair = try pair(isThrough: false)
            #expect(throws: TLSError.notTLS) { try pair.server.take(ByteBuffer(string: garbage)) }
        }
    }

    @Test func `survives random bytes`() throws {
        var random = SeededGenerator(seed: 7)
        for _ in 0..<500 {
            let pair = try pair(isThrough: false)
            var hello = pair.client.said()
            for _ in 0..<Int.random(in: 1...8, using: &random) {
                let place = Int.random(in: 0..<hello.readableBytes, using: &random)
                hello.setInteger(UInt8.random(in: 0...255, using: &random), at: place)
            }
            do {
                try pair.server.take(hello)
                try pair.client.take(pair.server.said())
            } catch {
                #expect(!error.description.isEmpty)
            }
        }
    }

    @Test(arguments: versions) func `notices every changed byte of a record`(_ version: TLSClient.Version) throws {
        for place in 5..<30 {
            let pair = try pair(version)
            try pair.client.seal("a message of some length")
            var sealed = pair.client.said()
            sealed.setInteger(sealed.getInteger(at: place, as: UInt8.self)! ^ 1, at: place)
            #expect(throws: TLSError.forged) { try pair.server.take(sealed) }
            #expect(pair.server.heard() == "")
            let badRecord = 20
            #expect(throws: TLSError.alert(badRecord)) { try pair.client.take(pair.server.said()) }
        }
    }

    @Test func `hands out what came before a forged record`() throws {
        let pair = try pair()
        try pair.client.seal("good")
        let length = pair.client.output.readableBytes
        try pair.client.seal("bad")
        var sealed = pair.client.said()
        sealed.setInteger(sealed.getInteger(at: length + 5, as: UInt8.self)! ^ 1, at: length + 5)
        #expect(throws: TLSError.forged) { try pair.server.take(sealed) }
        #expect(pair.server.heard() == "good")
    }
}
