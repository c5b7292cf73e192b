/// Why a WebSocket ended, as a number: what a Close frame carries and what `disconnected` records.
///
/// Any 16-bit value can be held, because a peer can send any; ``isValidOnTheWire`` says which may travel in a frame.
///
/// - SeeAlso: RFC 6455 §7.4, and the IANA "WebSocket Close Code Number Registry" for 1012–1014.
public struct CloseCode: RawRepresentable, Hashable, Sendable {
    /// The number, 0…65535.
    public let rawValue: UInt16

    /// Creates a close code from its number; every number is accepted.
    public init(rawValue: UInt16) {
        self.rawValue = rawValue
    }
}

extension CloseCode {
    /// 1000: the purpose is fulfilled; `DELETE @connections/{id}`.
    public static let normal = Self(rawValue: 1000)
    /// 1001: idle, at the end of its lifetime, server shutdown, or a browser that left the page.
    public static let goingAway = Self(rawValue: 1001)
    /// 1002: the peer broke RFC 6455.
    public static let protocolError = Self(rawValue: 1002)
    /// 1003: a kind of message that this endpoint does not take (binary, unless it is allowed).
    public static let unsupportedData = Self(rawValue: 1003)
    /// 1005: the Close frame had no code. Never in a frame.
    public static let noStatus = Self(rawValue: 1005)
    /// 1006: the transport ended without a Close frame. Never in a frame.
    public static let abnormal = Self(rawValue: 1006)
    /// 1007: text that is not UTF-8.
    public static let invalidPayload = Self(rawValue: 1007)
    /// 1008: the slow-consumer policy.
    public static let policyViolation = Self(rawValue: 1008)
    /// 1009: a frame or message above its limit.
    public static let messageTooBig = Self(rawValue: 1009)
    /// 1011: the server failed.
    public static let internalError = Self(rawValue: 1011)
}

extension CloseCode {
    /// Whether a Close frame may carry this code: 1000–1003, 1007–1014, 3000–4999.
    ///
    /// 1004 is reserved, 1005, 1006 and 1015 only describe a close to the application (RFC 6455 §7.4.1); 1012–1014 were
    /// registered later and Autobahn's case 7.9 no longer lists them as errors; 1016–2999 wait for a registration.
    public var isValidOnTheWire: Bool {
        switch rawValue {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }

    /// The reason AWS API Gateway reports for a close with this code that the client gave no reason for; empty where it
    /// reports none or none is known.
    ///
    /// - SeeAlso: `specs/aws-websocket-api.md`, "How the socket ended".
    public var reason: String {
        switch self {
        case .normal: "Connection Closed Normally"
        case .goingAway: "Going away"
        case .unsupportedData: "Binary is not supported"
        case .noStatus: "Client-side close frame status not set"
        case .abnormal: "Connection closed abnormally"
        case .messageTooBig: "Message too big"
        default: ""
        }
    }
}
