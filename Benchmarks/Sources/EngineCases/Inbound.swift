// From a client's bytes to a route.

import NIOCore
import Reprise

extension Case {
    static let inbound = [
        Case("websocket: a masked frame of 64 bytes parsed") { operations in
            var input = ByteBuffer()
            var payloads = ByteBuffer()
            for _ in 0..<operations { input.writeBytes(maskedFrame(Fixture.body)) }
            return Work(prepare: { input.moveReaderIndex(to: 0) }) {
                var parser = FrameParser()
                payloads.clear()
                var count = 0
                while parser.next(&input, into: &payloads) != nil { count += 1 }
                precondition(count == operations, "\(count) of \(operations) frames were parsed")
            }
        },
        Case("route: a message decided on") { operations in
            let table = RouteTable.default
            let body = ByteBuffer(string: Fixture.body)
            return Work {
                for _ in 0..<operations {
                    consume(table.match(body.readableBytesSpan, isText: true).decision == .route(0))
                }
            }
        },
        Case("route: a payload written") { operations in
            let table = RouteTable.default
            let body = ByteBuffer(string: Fixture.body)
            let match = table.match(body.readableBytesSpan, isText: true)
            var payload = ByteBuffer()
            return Work {
                for _ in 0..<operations {
                    payload.clear()
                    table.appendPayload(of: match, body: body.readableBytesSpan, to: &payload)
                }
            }
        },
        Case("json: a byte of numbers written anew", operations: 33_000) { operations in
            let numbers = String(repeating: #"{"a":1.0},"#, count: operations / 10)
            let body = ByteBuffer(string: #"{"action":"onMessage","data":[\#(numbers.dropLast())]}"#)
            let table = RouteTable.default
            let match = table.match(body.readableBytesSpan, isText: true)
            var payload = ByteBuffer()
            return Work {
                payload.clear()
                table.appendPayload(of: match, body: body.readableBytesSpan, to: &payload)
            }
        },
    ]
}

/// A text frame as a client sends it, shorter than 126 bytes.
private func maskedFrame(_ text: String) -> [UInt8] {
    let key: [UInt8] = [0x37, 0xFA, 0x21, 0x3D]
    return [0x81, 0x80 | UInt8(text.utf8.count)] + key + text.utf8.enumerated().map { $1 ^ key[$0 % 4] }
}
