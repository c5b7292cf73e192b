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

    /// Whether a text can be in the list.
    static func isValid(_ text: String) -> Bool {
        if text == "*" || text == "null" { return true }
        guard let separator = text.range(of: "://") else { return false }
        let scheme = text[..<separator.lowerBound]
        let host = text[separator.upperBound...]
        let name = host.hasPrefix("*.") ? host.dropFirst(2) : host
        return !scheme.isEmpty && !name.isEmpty && !scheme.contains("*")
            && name.utf8.allSatisfy { !Array("*/?#@ ".utf8).contains($0) }
    }

    /// Whether a WebSocket may be opened from `origin`; `nil` is a client that is no browser.
    func admits(_ origin: String?) -> Bool {
        guard let origin, !allowed.isEmpty else { return true }
        return isListed(origin)
    }

    /// Whether the management API may be called from `origin`. A page must be named: with no list no page is.
    func admitsToManagement(_ origin: String?) -> Bool {
        guard let origin else { return true }
        return isListed(origin)
    }

    private func isListed(_ origin: String) -> Bool {
        let origin = origin.lowercased()
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
