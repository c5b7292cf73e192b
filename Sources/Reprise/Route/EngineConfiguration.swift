/// Everything that `Engine.apply` reads besides events. It is recorded in `sessionStarted`, so that a recording
/// carries what decides its deliveries.
public struct EngineConfiguration: Hashable, Sendable {
    /// Which route serves a message, and what the route does.
    public var routes: RouteTable
    /// The most payload bytes in one frame that the server sends; longer messages are split into frames of this size.
    public var frameBytesMax: Int

    /// The frame size of the AWS service, bytes.
    public static let frameBytesMaxDefault = 32_768

    /// Makes a configuration.
    public init(routes: RouteTable = .default, frameBytesMax: Int = frameBytesMaxDefault) {
        self.routes = routes
        self.frameBytesMax = frameBytesMax
    }
}
