// Who may call the management API from anywhere: whoever knows a token of `--admin-token`.

internal import NIOHTTP1
internal import Synchronization

/// Tokens, each with what it allows.
struct AdminTokens: Sendable {
    /// What a caller may do; each role may do what those before it may.
    enum Role: String, CaseIterable {
        /// Ask, but not for what clients sent.
        case view
        /// Ask.
        case read
        /// Send and close, too.
        case operate

        func allows(_ method: HTTPMethod) -> Bool { self == .operate || method == .GET || method == .HEAD }
    }

    /// What is wrong with a text of tokens. It says the line, and never what stands there.
    struct Problem: Error, Equatable {
        var reason: String
    }

    /// A shorter one could be tried out.
    static let tokenBytesMin = 16

    private var known: [(token: [UInt8], role: Role)] = []

    /// Reads lines `ROLE TOKEN`; empty ones, and those that begin with `#`, say nothing.
    init(parsing text: String) throws(Problem) {
        let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        for (number, line) in lines.enumerated() {
            let fields = line.split { $0.isWhitespace }
            guard let first = fields.first, !first.hasPrefix("#") else { continue }
            func problem(_ rule: String) -> Problem { Problem(reason: "line \(number + 1): \(rule)") }
            guard fields.count == 2, let role = Role(rawValue: String(first)) else {
                let roles = Role.allCases.map(\.rawValue).joined(separator: ", ")
                throw problem("it must be a role (\(roles)), a blank and a token")
            }
            let token = Array(fields[1].utf8)
            guard token.count >= AdminTokens.tokenBytesMin, token.allSatisfy({ (0x21...0x7E).contains($0) }) else {
                throw problem("a token has at least \(AdminTokens.tokenBytesMin) characters of printable ASCII")
            }
            if self.role(of: token) != nil { throw problem("the token stands above already") }
            known.append((token, role))
        }
        if known.isEmpty { throw Problem(reason: "it has no token") }
    }

    /// What a call says of itself.
    enum Credential: Equatable {
        /// It shows no token.
        case absent
        /// It shows one that nobody was given.
        case wrong
        case role(Role)
    }

    /// Reads `Authorization: Bearer TOKEN`. Other schemes are no tokens: SDKs sign every call.
    func credential(in headers: HTTPHeaders) -> Credential {
        let values = headers["authorization"]
        let shown = values.compactMap(AdminTokens.bearerToken)
        guard let token = shown.first else { return .absent }
        guard values.count == 1, let role = role(of: token) else { return .wrong }
        return .role(role)
    }

    private static func bearerToken(in value: String) -> [UInt8]? {
        let parts = value.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: true)
        guard let scheme = parts.first, scheme.lowercased() == "bearer" else { return nil }
        return parts.count == 2 ? Array(parts[1].drop { $0 == " " }.utf8) : []
    }

    /// Takes as long for a token that is almost right as for any other: every byte of every token is looked at.
    private func role(of shown: [UInt8]) -> Role? {
        var found: Role?
        for (token, role) in known {
            var difference = token.count ^ shown.count
            for index in token.indices {
                difference |= Int(token[index] ^ (index < shown.count ? shown[index] : 0))
            }
            if difference == 0 { found = role }
        }
        return found
    }
}

/// The file of `--admin-token`; calls are held against what was read last.
///
/// Any thread.
final class AdminTokenFile: Sendable {
    private let path: String
    private let stored: Mutex<AdminTokens>

    /// Reads the file.
    ///
    /// - Throws: `ServerError.adminTokens`.
    init(_ path: String) throws(ServerError) {
        self.path = path
        stored = Mutex(try AdminTokenFile.read(path))
    }

    /// What was read last.
    var tokens: AdminTokens { stored.withLock { $0 } }

    /// Reads the file again.
    ///
    /// - Throws: `ServerError.adminTokens`; what was read before then stays.
    func reload() throws(ServerError) {
        let tokens = try AdminTokenFile.read(path)
        stored.withLock { $0 = tokens }
    }

    private static func read(_ path: String) throws(ServerError) -> AdminTokens {
        let bytes: [UInt8]
        do throws(SecretFile.Problem) {
            bytes = try SecretFile.read(path, bytesMax: 1 << 20)
        } catch {
            throw .adminTokens(path: path, reason: error.reason)
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw .adminTokens(path: path, reason: "it is not UTF-8")
        }
        do throws(AdminTokens.Problem) {
            return try AdminTokens(parsing: text)
        } catch {
            throw .adminTokens(path: path, reason: error.reason)
        }
    }
}
