import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization
import Testing

@testable import RepriseServer

/// Serialized: with other rounds beside it, a round's loops do not arrive together.
@Suite(.serialized) struct RequestDecoderTests {
    /// Only the first use in a process counts, so each round is a process of its own. Without the remedy 44 of 1 000 die.
    @Test(arguments: 0..<60)
    func `is made by four loops at once in a process that never made one`(round: Int) async {
        await #expect(processExitsWith: .success) {
            let loops = MultiThreadedEventLoopGroup(numberOfThreads: 4)
            let missing = Atomic(4)
            let made = loops.makeIterator().map { loop in
                loop.submit {
                    missing.subtract(1, ordering: .relaxed)
                    while missing.load(ordering: .relaxed) > 0 {}
                    withExtendedLifetime(RequestDecoder.make(limits: NIOHTTPDecoderLimitConfiguration())) {}
                }
            }
            try await EventLoopFuture.andAllSucceed(made, on: loops.next()).get()
            try await loops.shutdownGracefully()
        }
    }
}
