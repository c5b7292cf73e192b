internal import NIOCore
internal import NIOHTTP1

/// The first handler of a socket's pipeline: makes requests of bytes.
enum RequestDecoder {
    typealias Handler = ByteToMessageHandler<HTTPRequestDecoder>

    /// A decoder for one socket. Any thread. What follows the request of a handshake is handed on when it leaves.
    static func make(limits: NIOHTTPDecoderLimitConfiguration) -> Handler {
        precondition(isTypeKnown)
        return build(limits)
    }

    /// Whoever asks first has the runtime find out about the type, and the others wait.
    ///
    /// Two loops that ask at once for the first time can end the process: Swift 6.3.1 takes a generic class that another
    /// thread is still completing (`HTTPDecoder`) for one with a superclass, and follows a null pointer
    /// (`swift_conformsToProtocolMaybeInstantiateSuperclasses`). Four threads that did so, in a program of its own: 343
    /// crashes in 8 000 starts; none in 8 000 with the type known before.
    private static let isTypeKnown = withExtendedLifetime(build(NIOHTTPDecoderLimitConfiguration())) { true }

    private static func build(_ limits: NIOHTTPDecoderLimitConfiguration) -> Handler {
        ByteToMessageHandler(
            HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes, limitConfiguration: limits))
    }
}
