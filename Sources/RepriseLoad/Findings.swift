/// The rules that a run has found broken, as sentences, with a bound on how many are kept.
struct Findings {
    private static let sentencesMax = 40
    private var sentences: [String] = []
    private(set) var count = 0

    /// Notes a broken rule.
    mutating func add(_ sentence: String) {
        count += 1
        if sentences.count < Self.sentencesMax { sentences.append(sentence) }
    }

    /// Notes a broken rule several times over without listing it again.
    mutating func addUnlisted(_ more: Int) {
        count += more
    }

    /// The sentences, and how many more there were.
    var list: [String] {
        count > sentences.count ? sentences + ["… and \(count - sentences.count) more"] : sentences
    }
}
