internal import Foundation
internal import RepriseLoad

/// What `bench fanout` does with its runs when they are over.
extension BenchFanout {
    /// Finds out before the first run whether the page can be written after the last.
    ///
    /// - Throws: `CommandEnd` that names the page.
    func checkReportPath() throws {
        guard let path = report else { return }
        let folder = URL(filePath: path).deletingLastPathComponent().path(percentEncoded: false)
        let files = FileManager.default
        if files.isWritableFile(atPath: files.fileExists(atPath: path) ? path : folder) { return }
        let reason = files.fileExists(atPath: folder) ? "permission denied" : "\(folder) does not exist"
        throw CommandEnd(status: .couldNotRun, message: "cannot write \(path): \(reason)")
    }

    /// Sets several runs side by side, and writes the page.
    func conclude(_ reports: [FanoutReport]) throws {
        if !json, reports.count > 1 { printLine("\n" + FanoutReport.comparisonTable(reports)) }
        guard let path = report else { return }
        let label = reports.first?.label ?? ""
        let title = "Fan-out benchmark" + (label.isEmpty ? "" : ": \(label)")
        try FanoutPage(reports, title: title).write(to: path)
    }
}
