/// Several runs side by side: which belong together, what to call each, and how fast each is against the yardstick.
struct FanoutComparison: Sendable {
    /// What a run did, whoever served it: runs with the same workload can be compared.
    struct Workload: Hashable, Sendable {
        var clients: Int
        var senders: Int
        var mode: String
        var payloadBytes: Int
        var stalledClients: Int
        var errorShare: Double
        var hasChurn: Bool

        init(_ report: FanoutReport) {
            clients = report.clients
            senders = report.senders
            mode = report.mode
            payloadBytes = report.payloadBytes
            stalledClients = report.stalledClients
            errorShare = report.errorShare
            hasChurn = report.churnedClients > 0
        }

        /// The same with any number of clients: what a line of the scaling plot has in common.
        var unscaled: Workload {
            var workload = self
            workload.clients = 0
            return workload
        }

        /// `1 000 clients, window 64, 64 B`; without the clients if there are none.
        var name: String { parts.map(\.text).joined(separator: ", ") }

        /// The parts of the name, in order; `isPlain` is what need not be said.
        private var parts: [(text: String, isPlain: Bool)] {
            [
                ("\(Figure.grouped(clients)) client\(clients == 1 ? "" : "s")", clients == 0),
                (Workload.modeName(mode), mode.isEmpty),
                (Figure.bytes(payloadBytes), false),
                ("\(Figure.grouped(senders)) senders", senders <= 1),
                ("\(Figure.grouped(stalledClients)) stalled", stalledClients == 0),
                ("clients come and go", !hasChurn),
                ("\(Figure.percent(errorShare)) refused", errorShare == 0),
            ].filter { !$0.isPlain }
        }

        /// The parts of the name that are not the same in all `others`; the whole name if there are none.
        func distinctName(among others: [Workload]) -> String {
            let rest = parts.map(\.text).filter { text in
                !others.allSatisfy { $0.parts.contains { $0.text == text } }
            }
            return rest.isEmpty ? name : rest.joined(separator: ", ")
        }

        /// `rate 1000.0/s` as `1 000/s`; `window 64` as it is.
        static func modeName(_ mode: String) -> String {
            guard mode.hasPrefix("rate "), mode.hasSuffix("/s"), let rate = Double(mode.dropFirst(5).dropLast(2)),
                let whole = Int(exactly: rate)
            else { return mode }
            return "rate \(Figure.grouped(whole))/s"
        }
    }

    /// The runs, in the order given.
    let reports: [FanoutReport]
    /// What each run did, in the same order.
    let workloads: [Workload]
    /// The series, in order of their first run; one empty name if no run has one.
    let labels: [String]
    /// The series that ratios compare with: `floor`, or the first whose name begins so, or the first; nil if there is
    /// nothing to compare.
    let base: String?

    init(_ reports: [FanoutReport]) {
        self.reports = reports
        workloads = reports.map(Workload.init)
        labels = FanoutComparison.distinct(reports.map(\.label))
        base =
            labels.count < 2
            ? nil
            : labels.first { $0.lowercased() == "floor" } ?? labels.first { $0.lowercased().hasPrefix("floor") }
                ?? labels[0]
    }

    /// The workloads, each once, in order of their first run.
    var distinctWorkloads: [Workload] { FanoutComparison.distinct(workloads) }

    /// The indices of the runs of a workload, and of one series if one is named.
    func runs(of workload: Workload, label: String? = nil) -> [Int] {
        reports.indices.filter { workloads[$0] == workload && (label == nil || reports[$0].label == label) }
    }

    /// Deliveries per second of a run, divided by the median of the base's runs of the same workload; nil without one.
    func ratio(of index: Int) -> Double? {
        guard let base else { return nil }
        let yardstick = medianRate(of: runs(of: workloads[index], label: base))
        return yardstick > 0 ? reports[index].deliveriesPerSecond / yardstick : nil
    }

    /// Whether none of the runs is valid.
    func isDoubtful(_ runs: [Int]) -> Bool { runs.allSatisfy { reports[$0].verdict == .invalid } }

    /// How many of the runs are not valid: "invalid", "1 of 3 invalid", or nothing.
    func warning(about runs: [Int]) -> String {
        let invalid = runs.count { reports[$0].verdict == .invalid }
        return invalid == 0 ? "" : invalid == runs.count ? "invalid" : "\(invalid) of \(runs.count) invalid"
    }

    /// The median of the valid runs' deliveries per second, or of all if none is valid; 0 without runs.
    func medianRate(of runs: [Int]) -> Double {
        let valid = runs.filter { reports[$0].verdict == .valid }
        let rates = (valid.isEmpty ? runs : valid).map { reports[$0].deliveriesPerSecond }.sorted()
        guard let middle = rates.dropFirst(rates.count / 2).first else { return 0 }
        return rates.count.isMultiple(of: 2) ? (rates[rates.count / 2 - 1] + middle) / 2 : middle
    }

    /// What to call a run among others: its series, what tells its workload from theirs, and a number if it was repeated.
    func name(of index: Int, among runs: [Int]) -> String {
        var parts: [String] = []
        if Set(runs.map { reports[$0].label }).count > 1 {
            parts.append(FanoutComparison.title(of: reports[index].label))
        }
        let others = runs.map { workloads[$0] }
        let twins = runs.filter { workloads[$0] == workloads[index] && reports[$0].label == reports[index].label }
        let number = twins.count > 1 ? (twins.firstIndex(of: index) ?? 0) + 1 : nil
        if let number, twins.count == runs.count { return "run \(number)" }
        if parts.isEmpty || Set(others).count > 1 { parts.append(workloads[index].distinctName(among: others)) }
        if let number { parts.append("#\(number)") }
        return parts.joined(separator: ", ")
    }

    /// What to call a series.
    static func title(of label: String) -> String { label.isEmpty ? "unnamed" : label }

    /// Every value once, in order of its first place.
    static func distinct<Value: Hashable>(_ values: [Value]) -> [Value] {
        var seen: Set<Value> = []
        return values.filter { seen.insert($0).inserted }
    }
}
