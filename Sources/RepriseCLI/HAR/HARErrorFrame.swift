internal import Reprise
internal import RepriseLoad

/// The ids in an error frame, if a text is one.
struct HARErrorFrame {
    var connection: ConnectionID
    var request: RequestID

    /// Shape: `{"message": "…", "connectionId":"16 characters", "requestId":"16 characters"}`.
    init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard text.hasPrefix("{\"message\": \""), bytes.count > 70 else { return nil }
        func id(endingAt end: Int) -> Substring.UTF8View {
            let utf8 = text.utf8
            let upper = utf8.index(utf8.startIndex, offsetBy: end)
            return utf8[utf8.index(upper, offsetBy: -Token.textCount)..<upper]
        }
        let requestEnd = bytes.count - 2
        let connectionEnd = requestEnd - Token.textCount - "\", \"requestId\":\"".utf8.count
        guard let request = RequestID(text: String(Substring(id(endingAt: requestEnd)))),
            let connection = ConnectionID(text: String(Substring(id(endingAt: connectionEnd))))
        else { return nil }
        self.connection = connection
        self.request = request
    }
}

/// Ids that depend on a text alone (SplitMix64), so that importing a HAR twice gives the same log.
struct HARTokens: RandomNumberGenerator {
    private var state: UInt64

    init(seed: String) { state = RecordedWorkload.fingerprint(of: seed.utf8) }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
