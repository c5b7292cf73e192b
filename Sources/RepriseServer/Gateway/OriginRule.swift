// Which pages of the web may connect. A browser says where a script comes from, and other clients do not: this keeps a page
// from using the browser of somebody who may reach the server, and nobody else.

/// The origins that are let in.
///
/// - SeeAlso: RFC 6455 §10.2, RFC 6454 §7.
struct OriginRule: Sendable {
    /// `SCHEME://HOST[:PORT]` in lower case; `*` alone for any, `*.` before a host for what lies below it.
    private let allowed: [String]

    /// - Parameter allowed: the empty list allows every origin.
    init(_ allowed: [String]) {
        self.allowed = allowed.map { $0.lowercased() }
    }

    /// Whether a text can be in the list: something that a browser may send (RFC 6454 §6.2: without the scheme's own port,
    /// hosts in ASCII), or stands for such.
    static func isValid(_ text: String) -> Bool {
        if text == "*" || text == "null" { return true }
        guard let separator = text.range(of: "://") else { return false }
        let scheme = text[..<separator.lowerBound].lowercased()
        let host = text[separator.upperBound...]
        let name = host.hasPrefix("*.") ? host.dropFirst(2) : host
        let isOmitted = scheme == "https" && name.hasSuffix(":443") || scheme == "http" && name.hasSuffix(":80")
        return !scheme.isEmpty && !name.isEmpty && !isOmitted
            && scheme.utf8.allSatisfy(isNameByte)
            && name.utf8.allSatisfy { isNameByte($0) || Array(":[]".utf8).contains($0) }
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        case UInt8(ascii: "0")...UInt8(ascii: "9"): true
        default: Array("-._+".utf8).contains(byte)
        }
    }

    /// Whether a WebSocket may be opened from `origin`; `nil` is a client that is no browser.
    func admits(_ origin: String?) -> Bool {
        guard let origin = origin?.lowercased(), !allowed.isEmpty else { return true }
        return allowed.contains { pattern in
            guard let star = pattern.range(of: "://*.") else { return pattern == "*" || pattern == origin }
            let scheme = pattern[..<star.lowerBound] + "://"
            let domain = pattern[pattern.index(before: star.upperBound)...]  // with its dot
            return origin.hasPrefix(scheme) && origin.hasSuffix(domain)
                && origin.utf8.count > scheme.utf8.count + domain.utf8.count
        }
    }
}

extension StringProtocol {
    /// Where `text` first stands. The standard library has this for collections of elements, not for texts.
    fileprivate func range(of text: String) -> Range<Index>? {
        ranges(of: text).first
    }
}
