// From a browser's recording to a session that replays.

internal import NIOCore
internal import Reprise
internal import RepriseLoad
internal import RepriseServer

/// A HAR's WebSockets as the events of one session.
///
/// Each WebSocket is a connection. A message that the browser sent takes the route that the table gives it, and stands where
/// the first browser received what that route delivers: that is where the server had it. What was received and is no such
/// delivery stands as a post to that connection. If some message's delivery was never received, or not by everyone, the
/// table does not explain the recording: then every message takes a route that records it and delivers nothing, and
/// everything that was received is a post. Either way the transcript of a connection is what its browser saw.
struct HARSession {
    /// The events, from `sessionStarted` to `sessionEnded`.
    private(set) var events: [Event] = []
    /// Whether the routes give what was received.
    private(set) var isExplained = true
    /// Entries of the HAR's message lists that are no messages.
    let ignored: Int
    /// The connections.
    var connections: Int { sockets.count }

    private let sockets: [HARSocket]

    /// Where every message is recorded, and nothing delivered.
    static let recordOnly = Route(key: "$default", action: .record)

    /// - Throws: `CommandEnd` for an entry whose times are none.
    init(_ file: HARFile, routes: RouteTable) throws {
        var sockets: [HARSocket] = []
        var ignored = 0
        var known: Set<ConnectionID> = []
        for (index, entry) in file.log.entries.filter(\.isWebSocket).enumerated() {
            let start = try entry.start()
            var socket = HARSocket(connected: HARSession.connected(entry, index, &known), opensAt: start)
            var time = start
            for message in entry.messages ?? [] {
                time = max(time, Timestamp(seconds: message.time))
                guard let (opcode, body) = message.payload, ["send", "receive"].contains(message.type) else {
                    ignored += 1
                    continue
                }
                socket.messages.append(
                    .init(time: time, isSent: message.type == "send", opcode: opcode, body: body))
            }
            let milliseconds = min(max(entry.time ?? 0, 0), 1e12)
            socket.closesAt = max(
                time, Timestamp(rawValue: start.rawValue + Int64((milliseconds * 1000).rounded()) * 1000))
            sockets.append(socket)
        }
        self.sockets = sockets
        self.ignored = ignored
        let table = try RouteTable(selectionExpression: .default, routes: [HARSession.recordOnly])
        var ordering = HAROrdering(sockets, EngineConfiguration(routes: routes))
        if ordering.run() {
            events = ordering.events
        } else {
            isExplained = false
            ordering = HAROrdering(sockets, EngineConfiguration(routes: table))
            _ = ordering.run()
            events = ordering.events
        }
    }

    /// A connection's id is what the server told, in its 101 or in an error frame, or drawn from the entry itself.
    private static func connected(
        _ entry: HARFile.Entry, _ index: Int, _ known: inout Set<ConnectionID>
    ) -> Connected {
        var source = HARTokens(seed: "\(index) \(entry.startedDateTime) \(entry.request.url)")
        let told = entry.response?.value(of: RedriveRun.idField).flatMap { ConnectionID(text: $0) }
        let shown = (entry.messages ?? []).lazy.filter { $0.type == "receive" && $0.opcode == 1 }
            .compactMap { HARErrorFrame($0.data)?.connection }.first
        var id = told ?? shown ?? ConnectionID(using: &source)
        while !known.insert(id).inserted { id = ConnectionID(using: &source) }
        let (host, stage, query) = entry.target
        let redacted = ServerConfiguration().redactedHeaders
        return Connected(
            connection: id, request: RequestID(using: &source), sourceIP: "", host: host, stage: stage, query: query,
            headers: (entry.request.headers ?? [])
                .filter { !redacted.contains($0.name.lowercased()) && !$0.name.hasPrefix(":") }
                .map { Header(name: $0.name, value: $0.value) },
            subprotocol: entry.response?.value(of: "sec-websocket-protocol"))
    }
}
