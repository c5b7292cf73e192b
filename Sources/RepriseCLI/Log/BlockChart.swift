/// Counts as columns of block characters, for a terminal.
struct BlockChart {
    private let values: [UInt64]
    private let rowCount: Int
    /// Empty to full, in eighths of a character's height.
    private static let blocks: [Character] = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]

    init(_ values: [UInt64], rows: Int = 3) {
        self.values = values
        rowCount = rows
    }

    /// The rows from top to bottom, one character for each value. The greatest value reaches the top; what is not 0 can
    /// be seen.
    var rows: [String] {
        guard let greatest = values.max(), greatest > 0 else { return [] }
        let steps = 8 * rowCount
        let heights = values.map { value in
            value == 0 ? 0 : max(1, Int((Double(value) / Double(greatest) * Double(steps)).rounded()))
        }
        return (0..<rowCount).reversed().map { row in
            String(heights.map { BlockChart.blocks[min(max($0 - 8 * row, 0), 8)] })
        }
    }
}
