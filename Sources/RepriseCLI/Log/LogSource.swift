internal import Foundation
internal import NIOCore
internal import Reprise

/// What `log diff` reads on one side: a data folder, or lines that `log export` wrote.
///
/// Lines are taken as they stand. An import would refuse a log that makes no sense; to find where is the point here.
enum LogSource: EventSource {
    case log(LogEvents)
    case lines(LineReader)

    private static let batchEvents = 1024

    /// Opens a folder, a file, or `-` for standard input.
    init(_ path: String) throws {
        let type = try? FileManager.default.attributesOfItem(atPath: path)[.type] as? FileAttributeType
        if path == "-" || (type ?? .typeDirectory) != .typeDirectory {
            self = .lines(LineReader(try InputFile(path: path)))
        } else {
            DamageTrap.arm()
            let log = try EventLog(path: path, access: .read, newID: LogID(rawValue: 0))
            self = .log(try LogEvents(log))
        }
    }

    /// Where it ends, if that is known.
    var end: Position? {
        if case .log(let events) = self { events.last } else { nil }
    }

    /// What is live before its first event. Lines that begin in the middle of a session do not say.
    var start: DeliveryFold {
        if case .log(let events) = self { events.start } else { DeliveryFold() }
    }

    mutating func read(into events: inout [Event]) throws {
        switch self {
        case .log(var source):
            try source.read(into: &events)
            self = .log(source)
        case .lines(var reader):
            events.removeAll(keepingCapacity: true)
            while events.count < LogSource.batchEvents, let line = try reader.next() {
                do throws(EventJSONError) {
                    events.append(try EventJSON.parse(line))
                } catch {
                    throw CommandEnd(status: .couldNotRun, message: "\(reader.name):\(reader.number): \(error)")
                }
            }
            self = .lines(reader)
        }
    }
}
