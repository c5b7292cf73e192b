// The configuration file of `serve`. It is read once, and whatever stands in it and is not understood is an error that names
// the line: a value that vanished would leave the default, and the default of `allowOrigin` lets every page connect.

internal import ArgumentParser
internal import Foundation
internal import Yams

/// What a configuration file says, by key: every value as the text that was written, or a list of such texts.
struct SettingsFile {
    /// A text of the file.
    struct Text {
        var text: String
        /// Where it stands, for errors: `reprise.yaml:3: port`.
        var name: String
    }

    /// The value of a setting.
    struct Value {
        /// One text, or the items of a list.
        var texts: [Text]
        /// Where its key stands, for errors.
        var name: String

        init(texts: [Text], name: String) {
            self.texts = texts
            self.name = name
        }

        /// A value that stands outside of the file.
        init(_ texts: [String], name: String) {
            self.init(texts: texts.map { Text(text: $0, name: name) }, name: name)
        }

        /// The value as a flag would have it.
        var joined: String { texts.map(\.text).joined(separator: ",") }
    }

    /// What a value may be.
    enum Shape {
        /// A text; numbers, `true` and `false` are texts here.
        case text
        /// A text with commas between its items, or a list of them.
        case commaSeparated
        /// A list of texts.
        case list
    }

    /// What the file says of each setting that it has.
    private(set) var values: [String: Value] = [:]
    private let path: String

    /// Reads a file. One without a value, such as an empty one, sets nothing.
    ///
    /// - Throws: `ValidationError` (exit code 64) naming the file, the line and the key.
    init(path: String) throws {
        self.path = path
        guard let bytes = FileManager.default.contents(atPath: path) else {
            throw ValidationError("--config \(path): there is no such file, or it cannot be read")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw ValidationError("--config \(path): it is not UTF-8")
        }
        do {
            // The encoding is said, because Yams would else look for it in the environment.
            if let root = try Parser(yaml: text, encoding: .utf8).singleRoot() { try read(root) }
        } catch let problem as YamlError {
            throw ValidationError(problem.line(in: path))
        }
    }

    private mutating func read(_ root: Node) throws {
        guard case .mapping(let settings) = root, root.tag == Tag(.map) else {
            if root.scalar?.string == "", root.tag == Tag(.null) { return }
            throw error(root, "a configuration file has lines such as `port: 8080`, not \(root.kind)")
        }
        for (node, value) in settings {
            guard let key = node.scalar?.string else { throw error(node, "a key must be a text, not \(node.kind)") }
            guard let (form, shape) = SettingsFile.known[key] else {
                let known = SettingsFile.known.keys.sorted().joined(separator: ", ")
                throw error(node, "`\(key)` is not a setting; there are: \(known)")
            }
            // Yams finds keys that are the same and have the same tag.
            guard values[key] == nil else { throw error(node, "`\(key)` is given more than once") }
            values[key] = Value(
                texts: try texts(value, of: key, at: node, form: form, shape), name: name(node) + key)
        }
    }

    private func texts(_ value: Node, of key: String, at node: Node, form: String, _ shape: Shape) throws -> [Text] {
        let form = shape == .commaSeparated ? "\(form), or a list of them" : form
        switch value {
        case .scalar(let scalar) where value.isText && shape != .list:
            return [Text(text: scalar.string, name: name(node) + key)]
        case .sequence(let items) where value.tag == Tag(.seq) && shape != .text:
            guard shape == .list || !items.isEmpty else {
                throw error(node, "\(key) must be \(form), not an empty list; \"\" says that there are none")
            }
            return try items.map { try item($0, of: key, shape) }
        case .scalar where value.tag == Tag(.null):
            throw error(node, "\(key) has no value; it must be \(form)")
        default:
            throw error(node, "\(key) must be \(form), not \(value.kind)")
        }
    }

    private func item(_ item: Node, of key: String, _ shape: Shape) throws -> Text {
        guard let text = item.scalar?.string.trimmingSpaces, item.isText else {
            throw error(item, "an item of \(key) must be a text, not \(item.kind)")
        }
        guard shape == .list || !text.isEmpty && !text.contains(",") else {
            throw error(item, "an item of \(key) must be one text without commas, not `\(text)`")
        }
        return Text(text: text, name: name(item) + key)
    }

    private func error(_ node: Node, _ problem: String) -> ValidationError { ValidationError(name(node) + problem) }

    private func name(_ node: Node) -> String { node.mark.map { "\(path):\($0.line): " } ?? "\(path): " }

    /// Every key, with what its value looks like.
    private static let known: [String: (form: String, shape: Shape)] = {
        var known: [String: (form: String, shape: Shape)] = [:]
        for setting in ServeSetting.all { known[setting.key] = (setting.form, setting.shape) }
        known["routes"] = ("a list of texts such as onMessage=broadcast:data", .list)
        known["routeSelection"] = ("an expression such as $request.body.action", .text)
        return known
    }()
}

extension Node {
    /// Whether this is one text, as written: numbers and the like are, no value at all and tags that we do not know are not.
    fileprivate var isText: Bool {
        let texts: [Tag.Name] = [.str, .bool, .int, .float, .timestamp, .merge, .value]
        return scalar != nil && texts.contains { tag == Tag($0) }
    }

    /// What this is, for an error.
    fileprivate var kind: String {
        switch self {
        case .scalar where tag == Tag(.null): "null"
        case .scalar where isText: "a single text"
        case .sequence where tag == Tag(.seq): "a list"
        case .mapping where tag == Tag(.map): "a mapping"
        case .scalar, .sequence, .mapping, .alias: "a value with the tag \(tag)"
        }
    }
}

extension YamlError {
    /// The problem on one line, with the place where it was found.
    fileprivate func line(in path: String) -> String {
        switch self {
        case .composer(let context, let problem, let mark, _):
            return "\(path):\(mark.line): \(context.map { "\($0.text), " } ?? "")\(problem)"
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _):
            let occasion = context.map { "\($0.text), " } ?? ""
            let began = context.map { $0.mark.line == mark.line ? "" : " (since line \($0.mark.line))" } ?? ""
            return "\(path):\(mark.line): \(occasion)\(problem)\(began)"
        case .reader(let problem, let offset?, _, let text):
            return "\(path):\(1 + text.prefix(offset).count(where: \.isNewline)): \(problem)"
        case .duplicatedKeysInMapping(let keys, let context):
            return "\(path):\(context.mark.line): `\(keys[0])` is given more than once, here for the first time"
        default: return "--config \(path): \(self)"
        }
    }
}
