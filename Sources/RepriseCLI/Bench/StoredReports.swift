internal import Foundation
internal import RepriseLoad

/// Runs that `bench fanout --json` printed, read back.
enum StoredReports {
    /// Reads the runs of a file; `-` is standard input.
    ///
    /// What an older build did not write yet has the value of a new `FanoutReport`.
    ///
    /// - Throws: `CommandEnd` with the file and the line that could not be read.
    static func read(_ path: String) throws -> [FanoutReport] {
        let name = path == "-" ? "standard input" : path
        let data: Data
        do {
            data =
                path == "-"
                ? try FileHandle.standardInput.readToEnd() ?? Data() : try Data(contentsOf: URL(filePath: path))
        } catch {
            throw CommandEnd(status: .couldNotRun, message: "cannot read \(name): \(StoredReports.reason(error))")
        }
        var reports: [FanoutReport] = []
        let lines = data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated() where !line.allSatisfy({ $0 <= UInt8(ascii: " ") }) {
            do {
                reports.append(try report(from: Data(line)))
            } catch {
                throw CommandEnd(
                    status: .couldNotRun,
                    message: "\(name):\(index + 1): not a run of bench fanout: \(StoredReports.reason(error))")
            }
        }
        return reports
    }

    private static func report(from line: Data) throws -> FanoutReport {
        guard let stored = try JSONSerialization.jsonObject(with: line) as? [String: Any] else {
            throw CommandEnd(status: .couldNotRun, message: "not a JSON object")
        }
        // Any object would do otherwise, because everything has a default.
        for key in ["clients", "mode", "verdict", "deliveriesPerSecond"] where stored[key] == nil {
            throw CommandEnd(status: .couldNotRun, message: "\"\(key)\" is missing")
        }
        let new = try JSONSerialization.jsonObject(with: JSONEncoder().encode(FanoutReport())) as? [String: Any] ?? [:]
        let whole = StoredReports.fill(stored, from: new)
        return try JSONDecoder().decode(FanoutReport.self, from: JSONSerialization.data(withJSONObject: whole))
    }

    /// Adds what is missing, in nested objects too.
    private static func fill(_ stored: [String: Any], from new: [String: Any]) -> [String: Any] {
        stored.merging(new) { stored, new in
            guard let stored = stored as? [String: Any], let new = new as? [String: Any] else { return stored }
            return fill(stored, from: new)
        }
    }

    /// What went wrong, in a few words.
    private static func reason(_ error: any Error) -> String {
        switch error {
        case let error as CommandEnd: error.message ?? ""
        case DecodingError.keyNotFound(let key, _): "\"\(key.stringValue)\" is missing"
        case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context),
            DecodingError.dataCorrupted(let context):
            "\"\(context.codingPath.map(\.stringValue).joined(separator: "."))\" does not fit"
        case let error as CocoaError where error.code == .propertyListReadCorrupt: "no JSON"
        case let error as CocoaError where error.code == .fileReadNoSuchFile: "no such file"
        case let error as CocoaError where error.code == .fileReadNoPermission: "permission denied"
        default: "\(error.localizedDescription)"
        }
    }
}
