import Testing

@testable import Reprise

@Suite struct `Close codes` {
    @Test(arguments: [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999])
    func `registered, library and private codes may be in a frame`(number: UInt16) {
        #expect(CloseCode(rawValue: number).isValidOnTheWire)
    }

    @Test(arguments: [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535])
    func `reserved and unregistered codes must not be in a frame`(number: UInt16) {
        #expect(!CloseCode(rawValue: number).isValidOnTheWire)
    }

    @Test func `exactly 2012 of 65536 codes may be in a frame`() {
        let valid = (0...UInt16.max).count { CloseCode(rawValue: $0).isValidOnTheWire }
        #expect(valid == 4 + 8 + 2000)
    }

    @Test func `reasons are those of AWS where it has one`() {
        #expect(CloseCode.normal.reason == "Connection Closed Normally")
        #expect(CloseCode.goingAway.reason == "Going away")
        #expect(CloseCode.unsupportedData.reason == "Binary is not supported")
        #expect(CloseCode.noStatus.reason == "Client-side close frame status not set")
        #expect(CloseCode.abnormal.reason == "Connection closed abnormally")
        #expect(CloseCode.messageTooBig.reason == "Message too big")
        #expect(CloseCode.protocolError.reason.isEmpty)
        #expect(CloseCode(rawValue: 4000).reason.isEmpty)
    }
}
