/// A piece of HTML or SVG. Literals are markup; strings that are put into it are text and are escaped, so nothing that
/// comes from a report can become markup. Numbers are written as coordinates.
///
/// ```swift
/// let cell: Markup = "<td>\(label)</td>"      // label "<b>" gives <td>&lt;b&gt;</td>
/// ```
struct Markup: ExpressibleByStringInterpolation, Sendable, Equatable {
    /// The markup as it goes into the file.
    private(set) var source: String

    init(stringLiteral value: String) { source = value }

    init(stringInterpolation: StringInterpolation) { source = stringInterpolation.source }

    /// Some text, escaped.
    init(text: String) {
        source = ""
        source.reserveCapacity(text.utf8.count)
        for character in text.unicodeScalars {
            switch character {
            case "&": source += "&amp;"
            case "<": source += "&lt;"
            case ">": source += "&gt;"
            case "\"": source += "&quot;"
            case "'": source += "&#39;"
            case "\t", "\n": source.unicodeScalars.append(character)
            // HTML has no way to write the other control characters.
            case "\0"..<" ", "\u{7F}"..<"\u{A0}": source += "\u{FFFD}"
            default: source.unicodeScalars.append(character)
            }
        }
    }

    static func += (left: inout Markup, right: Markup) { left.source += right.source }

    struct StringInterpolation: StringInterpolationProtocol {
        fileprivate var source = ""

        init(literalCapacity: Int, interpolationCount: Int) { source.reserveCapacity(literalCapacity) }

        mutating func appendLiteral(_ literal: String) { source += literal }

        mutating func appendInterpolation(_ text: String) { source += Markup(text: text).source }

        mutating func appendInterpolation(_ markup: Markup) { source += markup.source }

        /// Pieces one after the other.
        mutating func appendInterpolation(_ pieces: [Markup]) {
            for piece in pieces { source += piece.source }
        }

        mutating func appendInterpolation(_ number: Int) { source += String(number) }

        /// A coordinate: at most one decimal.
        mutating func appendInterpolation(_ coordinate: Double) {
            let text = Figure.fixed(coordinate, decimals: 1)
            source += text.hasSuffix(".0") ? String(text.dropLast(2)) : text
        }
    }
}
