/// Rows of cells in columns that line up, for a terminal.
struct TextTable {
    /// Where a cell's text stands in its column.
    enum Alignment { case left, right }

    /// One for each column; rows may be shorter.
    let alignments: [Alignment]
    private var rows: [[String]] = []

    init(_ alignments: [Alignment]) { self.alignments = alignments }

    mutating func append(_ row: [String]) {
        precondition(row.count <= alignments.count, "\(row.count) cells for \(alignments.count) columns")
        rows.append(row)
    }

    /// The lines, without trailing spaces.
    ///
    /// - Parameter indent: spaces before each.
    func lines(indent: Int = 0) -> [String] {
        let widths = alignments.indices.map { column in
            rows.map { $0.count > column ? $0[column].count : 0 }.max() ?? 0
        }
        return rows.map { row in
            var line = String(repeating: " ", count: indent)
            for (column, cell) in row.enumerated() {
                let padding = String(repeating: " ", count: widths[column] - cell.count)
                line += (column == 0 ? "" : "  ") + (alignments[column] == .left ? cell + padding : padding + cell)
            }
            while line.hasSuffix(" ") { line.removeLast() }
            return line
        }
    }
}
