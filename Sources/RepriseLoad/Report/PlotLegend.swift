/// The names of the lines of one or several plots, as a list that wraps.
struct PlotLegend: Equatable {
    /// One name and how it looks.
    struct Entry: Equatable {
        var name: String
        var style: PlotStyle
        /// Whether none of it is valid.
        var isDoubtful: Bool
        /// What is written after the name, as a warning; empty for nothing.
        var warning: String
    }

    var entries: [Entry]

    /// The list.
    var markup: Markup {
        let items = entries.map { entry -> Markup in
            let suffix: Markup = entry.warning.isEmpty ? "" : " <span class=\"invalid-text\">\(entry.warning)</span>"
            return "<li>\(entry.style.key(isDoubtful: entry.isDoubtful))<span>\(entry.name)\(suffix)</span></li>"
        }
        return "<ul class=\"legend\">\(items)</ul>"
    }
}
