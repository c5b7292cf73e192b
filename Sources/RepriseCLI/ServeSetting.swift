// The settings of `serve`, each once: its name, how it is read from text and how it is printed. Flags, environment
// variables and the YAML file all go through this table, so they accept the same values and fail with the same words.

internal import Reprise
internal import RepriseServer

/// One setting.
struct ServeSetting: Sendable {
    /// The key in a YAML file, for example `idleTimeout`.
    var key: String
    /// Reads a value; `nil` when the text is none.
    var read: @Sendable (String, inout ServerConfiguration) -> Bool
    /// What a value looks like, for the error.
    var form: String
    /// What its value may be in a YAML file.
    var shape = SettingsFile.Shape.text
    /// Prints the value in the form that `read` takes.
    var show: @Sendable (ServerConfiguration) -> String

    /// The flag, for example `--idle-timeout`.
    var flag: String { "--" + words.joined(separator: "-") }

    /// The environment variable, for example `REPRISE_IDLE_TIMEOUT`.
    var variable: String { "REPRISE_" + words.joined(separator: "_").uppercased() }

    private var words: [String] {
        key.reduce(into: [""]) { words, character in
            if character.isUppercase { words.append("") }
            words[words.count - 1] += character.lowercased()
        }
    }

    /// Every setting but the routes, in the order of `--print-config`.
    static let all: [ServeSetting] = [
        text("host", \.host),
        number("port", \.port),
        text("stage", \.stage),
        text("data", \.dataPath),
        path("tlsCertificate", \.tlsCertificatePath),
        path("tlsKey", \.tlsKeyPath),
        number("loops", \.loopCount),
        choice("durability", \.durability),
        number("syncInterval", \.syncIntervalMilliseconds),
        choice("slowConsumer", \.slowConsumerPolicy),
        switched("allowBinary", \.allowsBinary),
        parsed(
            "admin", \.admin, form: "same, off, an address such as 127.0.0.1:9001, or unix:/path", AdminAddress.init,
            { YAMLText.scalar($0.description) }),
        path("adminToken", \.adminTokenPath),
        switched("managementOpen", \.isManagementOpen),
        list("domainName", \.domainNames, form: "host names separated by commas"),
        ServeSetting(
            key: "trustedProxy",
            read: { text, configuration in
                guard let ranges = items(text), let proxies = TrustedProxies(ranges) else { return false }
                configuration.trustedProxies = proxies
                return true
            },
            form: "addresses such as 127.0.0.1 or 10.0.0.0/8 separated by commas", shape: .commaSeparated,
            show: { YAMLText.quoted($0.trustedProxies.description) }),
        number("maxConnections", \.connectionsMax),
        number("maxPending", \.pendingSocketsMax),
        number("connectRate", \.connectRateMax),
        number("messageRate", \.messageRateMax),
        list("allowOrigin", \.allowedOrigins, form: "origins separated by commas"),
        bytes("frameBytes", \.frameBytesMax),
        bytes("messageBytes", \.messageBytesMax),
        bytes("sendFrameBytes", \.engine.frameBytesMax),
        bytes("headerBytes", \.headerBytesMax),
        seconds("handshakeTimeout", \.handshakeTimeoutSeconds),
        seconds("idleTimeout", \.idleTimeoutSeconds),
        seconds("keepalive", \.keepaliveSeconds),
        seconds("pingInterval", \.pingIntervalSeconds),
        seconds("pingTimeout", \.pingTimeoutSeconds),
        seconds("lifetime", \.lifetimeSeconds),
        seconds("closeTimeout", \.closeTimeoutSeconds),
        seconds("drain", \.drainSeconds),
        bytes("ringBytes", \.ringBytesMax),
        bytes("inFlightBytes", \.inFlightBytesMax),
        bytes("edgeBytes", \.edgeBytesMax),
        bytes("logBytes", \.logBytes),
        ServeSetting(
            key: "retainBytes",
            read: { text, configuration in
                configuration.retainBytes = text == "half" ? nil : text == "off" ? 0 : ByteCount.parse(text)
                return text == "half" || configuration.retainBytes != nil
            },
            form: "half, off, or a number of bytes such as 65536, 64KiB, 16MiB or 2GiB",
            show: { $0.retainBytes.map(String.init) ?? "half" }),
        seconds("retainAge", \.retainAgeSeconds),
        ServeSetting(
            key: "redactHeaders",
            read: { text, configuration in
                guard let names = items(text), names.allSatisfy(isHeaderName) else { return false }
                configuration.redactedHeaders = Set(names.map { $0.lowercased() })
                return true
            },
            form: "header names separated by commas", shape: .commaSeparated,
            show: { YAMLText.quoted($0.redactedHeaders.sorted().joined(separator: ",")) }),
    ]

    // MARK: Kinds of values

    private typealias Path<Value> = any WritableKeyPath<ServerConfiguration, Value> & Sendable

    private static func text(_ key: String, _ path: Path<String>) -> ServeSetting {
        ServeSetting(
            key: key,
            read: { text, configuration in
                configuration[keyPath: path] = text
                return !text.isEmpty
            },
            form: "a text", show: { YAMLText.scalar($0[keyPath: path]) })
    }

    /// A file that need not be named.
    private static func path(_ key: String, _ path: Path<String>) -> ServeSetting {
        parsed(key, path, form: "a path", { $0 }, YAMLText.scalar)
    }

    private static func number(_ key: String, _ path: Path<Int>) -> ServeSetting {
        parsed(key, path, form: "a whole number", Int.init, String.init)
    }

    private static func bytes(_ key: String, _ path: Path<Int>) -> ServeSetting {
        parsed(key, path, form: "a number of bytes such as 65536, 64KiB, 16MiB or 2GiB", ByteCount.parse, String.init)
    }

    private static func seconds(_ key: String, _ path: Path<Double>) -> ServeSetting {
        parsed(
            key, path, form: "a number of seconds such as 30, 1.5, 500ms, 10m, 2h or 7d", Seconds.parse, Seconds.show)
    }

    private static func switched(_ key: String, _ path: Path<Bool>) -> ServeSetting {
        parsed(key, path, form: "true or false", Bool.init, String.init)
    }

    private static func choice<Value: CaseIterable & RawRepresentable<String> & Sendable>(
        _ key: String, _ path: Path<Value>
    ) -> ServeSetting {
        let choices = Value.allCases.map(\.rawValue).joined(separator: ", ")
        return parsed(key, path, form: "one of: \(choices)", { Value(rawValue: $0) }, \.rawValue)
    }

    private static func list(_ key: String, _ path: Path<[String]>, form: String) -> ServeSetting {
        ServeSetting(
            key: key,
            read: { text, configuration in
                guard let items = items(text) else { return false }
                configuration[keyPath: path] = items
                return true
            },
            form: form, shape: .commaSeparated, show: { YAMLText.quoted($0[keyPath: path].joined(separator: ",")) })
    }

    /// What stands between commas; `nil` where nothing does although the text is not empty: that would lift the rule.
    private static func items(_ text: String) -> [String]? {
        let items = text.split(separator: ",").map(\.trimmingSpaces).filter { !$0.isEmpty }
        return items.isEmpty && !text.isEmpty ? nil : items
    }

    /// Whether a header can have this name; another would hide nothing (RFC 9110 §5.1).
    private static func isHeaderName(_ name: String) -> Bool {
        name.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
            default: Array("!#$%&'*+-.^_`|~".utf8).contains(byte)
            }
        }
    }

    private static func parsed<Value>(
        _ key: String, _ path: Path<Value>, form: String, _ parse: @escaping @Sendable (String) -> Value?,
        _ show: @escaping @Sendable (Value) -> String
    ) -> ServeSetting {
        ServeSetting(
            key: key,
            read: { text, configuration in
                guard let value = parse(text) else { return false }
                configuration[keyPath: path] = value
                return true
            },
            form: form, show: { show($0[keyPath: path]) })
    }
}

/// Sizes as people write them.
enum ByteCount {
    /// Reads `65536`, `64KiB`, `16MiB` or `2GiB`.
    static func parse(_ text: String) -> Int? {
        for (suffix, factor) in [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)] where text.hasSuffix(suffix) {
            guard let count = Int(text.dropLast(suffix.count)) else { return nil }
            let (product, overflow) = count.multipliedReportingOverflow(by: factor)
            return overflow ? nil : product
        }
        return Int(text)
    }

    /// The count in the largest unit that gives a whole number.
    static func show(_ count: Int) -> String {
        for (suffix, factor) in [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)] where count % factor == 0 {
            return "\(count / factor) \(suffix)"
        }
        return "\(count) B"
    }
}

/// Durations as people write them.
enum Seconds {
    /// Reads `30`, `1.5`, `500ms`, `30s`, `10m`, `2h` or `7d`.
    static func parse(_ text: String) -> Double? {
        for (suffix, factor) in [("ms", 0.001), ("s", 1), ("m", 60), ("h", 3600), ("d", 86_400)]
        where text.hasSuffix(suffix) {
            return Double(text.dropLast(suffix.count)).map { $0 * factor }
        }
        return Double(text)
    }

    static func show(_ seconds: Double) -> String {
        Int(exactly: seconds).map(String.init) ?? String(seconds)
    }
}

/// Texts as YAML scalars.
enum YAMLText {
    /// The text as it is where YAML reads it back, else in double quotes.
    static func scalar(_ text: String) -> String {
        let isPlain = text.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
            default: Array("$./_-={}:".utf8).contains(byte)
            }
        }
        // An empty text and `null` would be read as no value.
        guard isPlain, let first = text.utf8.first, text.lowercased() != "null" else { return quoted(text) }
        return Array("-={}:".utf8).contains(first) || text.utf8.last == UInt8(ascii: ":") ? quoted(text) : text
    }

    /// The text in double quotes.
    static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            // What YAML forbids, and what it takes for the end of a line or of the text.
            case "\0"..<" ", "\u{7F}"..."\u{9F}", "\u{2028}", "\u{2029}", "\u{FEFF}", "\u{FFFE}", "\u{FFFF}":
                let digits = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}

extension StringProtocol {
    /// Without spaces at either end.
    var trimmingSpaces: String {
        var rest = self[...]
        while rest.first == " " { rest.removeFirst() }
        while rest.last == " " { rest.removeLast() }
        return String(rest)
    }
}
