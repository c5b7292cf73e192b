// What a seed is made of: a configuration, and how likely each thing is. Not all things happen in every run, so that rare ones
// are not drowned by common ones (swarm testing: Groce et al., ISSTA 2012).

internal import Reprise
internal import RepriseServer
internal import RepriseTesting

/// What can happen between two tasks of the server.
enum Happening: CaseIterable {
    case connect, broadcast, echo, nonsense, ping, post, postToOne, delete, describe
    case clientReads, clientStalls, clientReturns, clientCloses, clientVanishes, clientDribbles
    case timePasses, longTimePasses, clockJumps
    case diskFull, diskBroken, kill, powerCut, crashWithinCall, stop

    /// How often it happens in a run that has it, against the others.
    var weight: Int {
        switch self {
        case .broadcast, .clientReads: 40
        case .connect, .timePasses: 20
        case .echo, .post, .postToOne, .clientDribbles: 10
        case .nonsense, .ping, .clientStalls, .clientReturns, .clientCloses, .clientVanishes: 6
        case .delete, .describe, .clockJumps, .longTimePasses: 3
        case .diskFull, .kill, .powerCut, .crashWithinCall, .stop: 2
        case .diskBroken: 1
        }
    }
}

/// What one seed decides before anything happens.
struct Swarm {
    let weights: [(Happening, Int)]
    private(set) var configuration: ServerConfiguration
    /// How many things happen.
    let stepCount: Int
    /// The most bytes that one send or one read takes, or nil where the kernel has no moods.
    let partialMax: Int?
    /// What the kernel keeps for a client that does not read, bytes.
    let socketBytes: Int
    /// The most bytes of a payload.
    let payloadBytesMax: Int
    let loopCount: Int

    init(using generator: inout SeededGenerator) {
        weights = Happening.allCases.compactMap { happening in
            switch happening {
            case .connect, .timePasses, .clientReads: (happening, happening.weight)
            default: Bool.random(using: &generator) ? (happening, happening.weight) : nil
            }
        }
        var configuration = ServerConfiguration()
        loopCount = Int.random(in: 1...3, using: &generator)
        configuration.loopCount = loopCount
        configuration.durability = [.always, .always, .interval, .never].randomElement(using: &generator) ?? .always
        configuration.slowConsumerPolicy = SlowConsumerPolicy.allCases.randomElement(using: &generator) ?? .disconnect
        configuration.connectionsMax = [3, 8, 40].randomElement(using: &generator) ?? 8
        configuration.ringBytesMax = [64 << 10, 64 << 10, 1 << 20].randomElement(using: &generator) ?? 65_536
        configuration.inFlightBytesMax = [64 << 10, 64 << 10, 32 << 20].randomElement(using: &generator) ?? 65_536
        configuration.idleTimeoutSeconds = [2, 60, 600].randomElement(using: &generator) ?? 60
        configuration.lifetimeSeconds = [5, 7200].randomElement(using: &generator) ?? 7200
        configuration.closeTimeoutSeconds = 2
        configuration.messageRateMax = [0, 0, 0, 20].randomElement(using: &generator) ?? 0
        configuration.retainBytes = 0
        configuration.retainAgeSeconds = [0, 0, 0, 1].randomElement(using: &generator) ?? 0
        configuration.logBytes =
            2 * configuration.logReserveBytes + ([1, 64].randomElement(using: &generator) ?? 1) << 18
        configuration.engine.frameBytesMax = [64, 1024, 32_768].randomElement(using: &generator) ?? 1024
        if let routes = try? RouteTable(
            selectionExpression: .default,
            routes: [
                Route(key: "echo", action: .reply(.message)), Route(key: "onMessage", action: .broadcast(.data)),
            ])
        {
            configuration.engine.routes = routes
        }
        self.configuration = configuration
        stepCount = [50, 200, 600].randomElement(using: &generator) ?? 200
        partialMax = [nil, 1, 16, 300].randomElement(using: &generator) ?? nil
        socketBytes = [256, 4096, 65_536].randomElement(using: &generator) ?? 4096
        payloadBytesMax = [10, 300, 3000, 30_000].randomElement(using: &generator) ?? 300
        self.configuration.keepaliveSeconds = 0  // no kernel is asked about simulated sockets
        self.configuration.pingIntervalSeconds = [0, 0.5].randomElement(using: &generator) ?? 0
        self.configuration.pingTimeoutSeconds = [0.5, 4].randomElement(using: &generator) ?? 4
    }

    /// Draws what happens next.
    func happening(using generator: inout SeededGenerator) -> Happening {
        var number = Int.random(in: 0..<weights.reduce(0) { $0 + $1.1 }, using: &generator)
        for (happening, weight) in weights {
            number -= weight
            if number < 0 { return happening }
        }
        return .timePasses
    }
}
