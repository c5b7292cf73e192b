// A request while it is being read. What it is for, and who may ask for that, is decided by its head.

internal import NIOCore
internal import NIOHTTP1

/// What a request is for.
enum RequestPurpose {
    case health
    case ready
    case handshake
    /// A call to `@connections`; `nil` is everyone.
    case connections(String?)
    /// A call to `@replay`.
    case player
    /// Nothing that is served, or not to this caller.
    case refusal(HTTPReply)

    /// Reads method and target.
    init(of head: HTTPRequestHead, stage: String, targetBytesMax: Int) {
        guard head.uri.utf8.count <= targetBytesMax else {
            self = .refusal(.error(.uriTooLong, "URITooLongException", "URI Too Long"))
            return
        }
        let segments = RequestTarget(head.uri).segments ?? []
        switch (segments.first, segments.count) {
        case ("health", 1) where RequestPurpose.probes.contains(head.method): self = .health
        case ("ready", 1) where RequestPurpose.probes.contains(head.method): self = .ready
        case (stage, 1): self = .handshake
        case (stage, 2...3) where segments[1] == "@connections": self = .connections(segments.dropFirst(2).first)
        case (stage, 2) where segments[1] == "@replay": self = .player
        default: self = .refusal(.forbidden)
        }
    }

    /// What `/health` and `/ready` can be asked with. `OPTIONS` is what HAProxy asks with unless told otherwise; it looks at the
    /// status, so that is the one of `GET`.
    static let probes: [HTTPMethod] = [.GET, .HEAD, .OPTIONS]

    /// The same where a listener serves it, and otherwise a refusal that names the flag.
    func served(by listener: Listener, admin: AdminAddress) -> RequestPurpose {
        switch (self, listener, admin) {
        case (.connections, .main, .same), (.player, .main, .same): self
        case (.connections, .main, .off), (.player, .main, .off):
            .refusal(.forbidden("The management API is switched off: --admin off"))
        case (.connections, .main, _), (.player, .main, _):
            .refusal(.forbidden("The management API does not answer at this port; --admin says where it does"))
        case (.handshake, .admin, _), (.handshake, .adminFile, _):
            .refusal(.forbidden("The listener of --admin takes no WebSockets; --host and --port say which one does"))
        default: self
        }
    }

    /// Whether only those may ask whom `ManagementRule` admits.
    var isManagement: Bool {
        switch self {
        case .connections, .player: true
        case .health, .ready, .handshake, .refusal: false
        }
    }
}

/// A request of which the head has come. Its body is kept only where somebody wants it: in posts of trusted callers.
struct IncomingRequest {
    let head: HTTPRequestHead
    let purpose: RequestPurpose
    /// What has come of the body; `nil` when it is larger than a message may be.
    private(set) var body: ByteBuffer? = ByteBuffer()

    init(_ head: HTTPRequestHead, for purpose: RequestPurpose) {
        self.head = head
        self.purpose = purpose
    }

    /// What is said before the body comes.
    enum Interim {
        case nothing
        /// 100: the client waits until it may send the body.
        case proceed
        /// The reply is certain already, and the body is not wanted.
        case final(HTTPReply)
    }

    /// What a client expects to hear before it sends the body (RFC 9110 §10.1.1). One that speaks HTTP/1.0 does not know what it
    /// says there. It is not looked whether the body is here already: the answer does not depend on how the network cuts it.
    func interim(bytesMax: Int) -> Interim {
        let expectations = head.headers[canonicalForm: "expect"].filter { !$0.isEmpty }
        guard head.version != .http1_0, !expectations.isEmpty else { return .nothing }
        guard expectations.allSatisfy({ $0.lowercased() == "100-continue" }) else {
            return .final(.error(.expectationFailed, "ExpectationFailedException", "Only 100-continue can be expected"))
        }
        let length = head.headers.first(name: "content-length").flatMap { Int($0) } ?? 0
        guard length > 0 || head.headers.contains(name: "transfer-encoding") else { return .nothing }
        if case .refusal(let refusal) = purpose { return .final(refusal) }
        return length > bytesMax ? .final(.tooLarge(bytesMax: bytesMax)) : .proceed
    }

    /// A part of the body has come.
    mutating func take(_ part: inout ByteBuffer, bytesMax: Int) {
        guard purpose.isManagement, head.method == .POST, let kept = body?.readableBytes else { return }
        if kept + part.readableBytes > bytesMax {
            body = nil
        } else {
            body?.writeBuffer(&part)
        }
    }
}
