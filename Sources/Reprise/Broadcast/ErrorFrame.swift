public import NIOCore

extension ByteBuffer {
    /// Writes the payload of an error frame with the bytes that the AWS service sends, spaces included (specs,
    /// section 2): `{"message": "Forbidden", "connectionId":"…", "requestId":"…"}`.
    ///
    /// - Parameter message: plain ASCII without quotes or backslashes.
    public mutating func writeErrorFrame(_ message: String, connection: ConnectionID, request: RequestID) {
        writeString("{\"message\": \"")
        writeString(message)
        writeString("\", \"connectionId\":\"")
        writeTokenText(connection.token)
        writeString("\", \"requestId\":\"")
        writeTokenText(request.token)
        writeString("\"}")
    }

    private mutating func writeTokenText(_ token: Token) {
        let (first, second) = token.ascii
        writeInteger(first, endianness: .little)
        writeInteger(second, endianness: .little)
    }
}
