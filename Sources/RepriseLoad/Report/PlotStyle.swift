/// How a series looks: a colour, a marker, and whether it may be believed.
///
/// Neighbours differ in colour *and* in marker, so that nothing depends on telling colours apart. The colours are classes
/// of the page's style sheet, which has a set for light and one for dark.
struct PlotStyle: Sendable, Equatable {
    /// The number of colours that the style sheet defines.
    static let colorCount = 8

    /// Which series of the plot this is, from 0.
    var index: Int

    /// The class that sets the colour.
    var colorClass: String { "c\(index % PlotStyle.colorCount)" }

    /// A marker around a point.
    ///
    /// - Parameters:
    ///   - isDoubtful: hollow, for what is not valid.
    ///   - title: what a pointer that rests on it is told; empty for nothing.
    func marker(x: Double, y: Double, isDoubtful: Bool, title: String = "") -> Markup {
        let shape =
            switch (index + index / PlotStyle.colorCount) % 4 {
            case 0: "m-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0z"
            case 1: "m-3.5-3.5h7v7h-7z"
            case 2: "m0-5l5 5-5 5-5-5z"
            default: "m0-4.8l4.6 8h-9.2z"
            }
        let name: Markup = title.isEmpty ? "" : "<title>\(title)</title>"
        return "<path class=\"mark\(isDoubtful ? " hollow" : "")\" d=\"M\(x) \(y)\(shape)\">\(name)</path>"
    }

    /// The series' key, for a legend outside of the plot.
    func key(isDoubtful: Bool) -> Markup {
        """
        <svg class="key \(colorClass)" viewBox="0 0 34 12" aria-hidden="true">\
        <path class="line\(isDoubtful ? " dashed" : "")" d="M1 6H33"/>\(marker(x: 17, y: 6, isDoubtful: isDoubtful))</svg>
        """
    }
}
