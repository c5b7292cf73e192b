/// Frames for one client alone, which are no part of the common stream: ping, pong, Close, and the answers to messages
/// that the server refuses.
extension FanoutRun {
    /// Deals with the frame if it is such a one.
    ///
    /// - Parameter bytes: from the frame's first byte on.
    /// - Returns: nil for the common stream's frames.
    mutating func takeOwn(_ index: Int, _ bytes: Span<UInt8>, _ frame: ServerFrame) -> Step? {
        frame.isControl ? control(index, bytes, frame) : takeError(index, bytes, frame)
    }

    /// Deals with the frame if it is an error frame, expected or not.
    mutating func takeError(_ index: Int, _ bytes: Span<UInt8>, _ frame: ServerFrame) -> Step? {
        guard plan.envelope == .aws, frame.opcode == MaskedFrame.Opcode.text,
            frame.payloadBytes <= ErrorAnswer.bytesMax
        else { return nil }
        let payload = bytes.extracting(frame.headBytes..<min(frame.byteCount, bytes.count))
        guard ErrorAnswer.mayBegin(payload) else { return nil }
        guard payload.count == frame.payloadBytes else { return .needMore }
        guard let answer = ErrorAnswer(payload) else { return nil }
        if let fault = errors.receive(answer, client: index) { findings.add("Client \(index) \(fault).") }
        return .consumed(frame.byteCount)
    }

    /// Frames for this client alone: ping, pong and Close.
    private mutating func control(_ index: Int, _ bytes: Span<UInt8>, _ frame: ServerFrame) -> Step {
        guard bytes.count >= frame.byteCount else { return .needMore }
        let payload = bytes.extracting(frame.headBytes..<frame.byteCount)
        if frame.opcode == MaskedFrame.Opcode.ping, frame.payloadBytes < 126 {
            var answer: [UInt8] = []
            answer.append(contentsOf: payload, from: 0)
            let key = UInt32(truncatingIfNeeded: random.next())
            clients[index].queue { bytes in
                MaskedFrame.append(
                    opcode: MaskedFrame.Opcode.pong, key: key, payloadBytes: answer.count, to: &bytes
                ) { $0 += answer }
            }
            flush(index)
        } else if frame.opcode == MaskedFrame.Opcode.close {
            let code = payload.count >= 2 ? Int(payload[0]) << 8 | Int(payload[1]) : 1005
            lose(index, "it sent Close \(code)")
        }
        return .consumed(frame.byteCount)
    }
}
