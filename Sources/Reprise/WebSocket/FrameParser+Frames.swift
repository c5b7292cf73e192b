import NIOCore

// The byte-wise path of the parser: frames that arrive in pieces, fragments, control frames, and every violation.
// It does not look at frames that arrive whole in the common form; FrameParser.swift takes those.

extension FrameParser {
    /// Reads as much of the header as there is.
    ///
    /// Checks run in the order of the bytes, so a violation is the same however the bytes were cut.
    mutating func readHeader(_ input: inout ByteBuffer, into payloads: inout ByteBuffer) -> Inbound? {
        while let byte = input.readInteger(as: UInt8.self) {
            switch header.append(byte) {
            case .more: continue
            case .kind:
                if let (code, reason) = refusalOfKind() { return fail(code, reason, &input) }
            case .length:
                if isTooBig { return fail(.messageTooBig, CloseCode.messageTooBig.reason, &input) }
            case .complete:
                beginPayload()
                return header.payloadByteCount == 0 ? endFrame(&input, into: &payloads) : nil
            case .violation(let reason):
                return fail(.protocolError, reason, &input)
            }
        }
        return nil
    }

    /// What is wrong with a frame of this kind at this point of the stream (RFC 6455 §5.4), if anything.
    private func refusalOfKind() -> (CloseCode, String)? {
        switch header.opcode {
        case .continuation where messageOpcode == nil:
            (.protocolError, "Continuation without a message")
        case .text where messageOpcode != nil, .binary where messageOpcode != nil:
            (.protocolError, "New message inside a fragmented one")
        case .binary where !limits.allowsBinary:
            (.unsupportedData, CloseCode.unsupportedData.reason)
        default: nil
        }
    }

    /// Whether the frame, or the message with it, is above its limit. The header alone decides: no byte of it is kept.
    private var isTooBig: Bool {
        guard !header.opcode.isControl else { return false }
        // Below 2⁶³ and 2³²: the sum cannot overflow.
        return header.payloadByteCount > UInt64(limits.frameBytes)
            || UInt64(messageByteCount) + header.payloadByteCount > UInt64(limits.messageBytes)
    }

    /// The header is complete and allowed.
    private mutating func beginPayload() {
        phase = .payload
        switch header.opcode {
        case .text:
            messageOpcode = .text
            validator = UTF8Validator()
        case .binary: messageOpcode = .binary
        case .continuation, .close, .ping, .pong: break
        }
    }

    /// Takes as much of the frame's payload as there is, and checks text as far as it goes.
    mutating func readPayload(_ input: inout ByteBuffer, into payloads: inout ByteBuffer) -> Inbound? {
        let count = Int(min(header.payloadByteCount, UInt64(input.readableBytes)))
        if header.opcode != .pong {
            let isASCII = header.mask.unmask(input.readableBytesSpan.extracting(first: count), appendingTo: &pending)
            if !header.opcode.isControl, messageOpcode == .text, !(isASCII && validator.isComplete) {
                // A local copy: the compiler takes the span of `pending` for a borrow of all of `self`.
                var validator = self.validator
                guard validator.consume(pending.readableBytesSpan.extracting(last: count)) else {
                    return fail(.invalidPayload, Self.invalidText, &input)
                }
                self.validator = validator
            }
        }
        input.moveReaderIndex(forwardBy: count)
        header.payloadByteCount -= UInt64(count)
        return header.payloadByteCount == 0 ? endFrame(&input, into: &payloads) : nil
    }

    /// The frame's last byte is in.
    private mutating func endFrame(_ input: inout ByteBuffer, into payloads: inout ByteBuffer) -> Inbound? {
        let frame = header
        header = FrameHeader()
        phase = .header
        switch frame.opcode {
        case .continuation, .text, .binary:
            // At most `messageBytesMax`, which fits.
            messageByteCount = UInt32(pending.readableBytes)
            return frame.isFinal ? endMessage(&input, into: &payloads) : nil
        case .ping: return .ping(takeControlPayload())
        case .pong: return .pong
        case .close: return endStream(takeControlPayload(), &input)
        }
    }

    /// The message's last frame is in: hands its payload over and gives the memory back.
    private mutating func endMessage(_ input: inout ByteBuffer, into payloads: inout ByteBuffer) -> Inbound? {
        guard let opcode = messageOpcode else { return nil }
        guard opcode == .binary || validator.isComplete else { return fail(.invalidPayload, Self.invalidText, &input) }
        let start = payloads.writerIndex
        payloads.writeBuffer(&pending)
        pending = ByteBuffer()
        messageByteCount = 0
        messageOpcode = nil
        return .message(opcode, start..<payloads.writerIndex)
    }

    /// Takes the control frame's payload off the end of `pending`.
    private mutating func takeControlPayload() -> ByteBuffer {
        let start = Int(messageByteCount)
        guard messageOpcode != nil else {
            defer { pending = ByteBuffer() }
            return pending
        }
        // A copy: a slice would share the message's memory, and the next fragment would have to copy all of it.
        var copy = ByteBuffer()
        copy.writeBytes(pending.readableBytesSpan.extracting(droppingFirst: start))
        pending.moveWriterIndex(to: start)
        return copy
    }

    /// Reads a Close (RFC 6455 §5.5.1): nothing, or a code and a reason in UTF-8.
    private mutating func endStream(_ payload: ByteBuffer, _ input: inout ByteBuffer) -> Inbound {
        var payload = payload
        guard payload.readableBytes > 0 else {
            finish(&input)
            return .close(.noStatus, reason: "")
        }
        guard let number = payload.readInteger(as: UInt16.self) else {
            return fail(.protocolError, "Close payload of one byte", &input)
        }
        let code = CloseCode(rawValue: number)
        guard code.isValidOnTheWire else { return fail(.protocolError, "Invalid close code", &input) }
        var reasonValidator = UTF8Validator()
        guard reasonValidator.consume(payload.readableBytesSpan), reasonValidator.isComplete else {
            return fail(.invalidPayload, "Close reason is not valid UTF-8", &input)
        }
        finish(&input)
        return .close(code, reason: String(buffer: payload))
    }
}
