import Testing

@testable import RepriseLoad

@Suite struct ManagementCallerTests {
    @Test(arguments: [
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, 40, true),
        ("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n", 204, 46, false),
        ("nonsense\r\n\r\n", 0, 12, true),
    ])
    func `an answer is read when it is whole`(text: String, status: Int, byteCount: Int, keeps: Bool) {
        let bytes = Array(text.utf8)
        for count in bytes.indices { #expect(ManagementCaller.reply(in: Array(bytes[..<count])) == nil) }
        let expected = ManagementCaller.Reply(status: status, byteCount: byteCount, keepsConnection: keeps)
        #expect(ManagementCaller.reply(in: bytes + [1, 2]) == expected)
    }
}
