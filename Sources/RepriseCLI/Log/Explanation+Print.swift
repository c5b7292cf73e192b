internal import NIOCore
internal import Reprise

extension Explanation {
    /// The verdict as a sentence, then the evidence in order of position: one line for each event that decides.
    ///
    /// - Parameters:
    ///   - subject: the event that was explained.
    ///   - recipients: how many connections it addressed, where that is known.
    func lines(_ subject: Event, recipients: UInt64?) -> [String] {
        var evidence = [(position: history.opening.position, text: "the connection was opened")]
        if let target { evidence.append((position, describe(subject, target, recipients))) }
        if let closing = history.closing {
            evidence.append((closing.position, "the connection was closed: \(closing.disconnected.summary)"))
        } else {
            evidence.append((history.end, "the connection is still open"))
            if let checkpoint = history.checkpoint {
                evidence.append(
                    (
                        checkpoint,
                        history.leftThrough > .zero
                            ? "checkpoint: everything through \(history.leftThrough) had left"
                            : "checkpoint: it does not say what had left for the connection"
                    ))
            }
        }
        if let gap {
            evidence.append(
                (
                    gap.position,
                    "it was recorded that positions \(gap.skipped.first) to \(gap.skipped.last) were skipped"
                ))
        }
        return ["\(position)  \(sentence)"]
            + evidence.sorted { $0.position < $1.position }.map { "\($0.position)  \($0.text)" }
    }

    private func describe(_ subject: Event, _ target: SendTarget, _ recipients: UInt64?) -> String {
        let count = recipients.map { $0 == 1 ? ", 1 connection" : ", \($0) connections" } ?? ""
        let addressed =
            switch target {
            case .everyone: "for everyone\(count)"
            case .connection(let only): "for \(only) alone" + (recipients == 0 ? ", who was not connected" : "")
            }
        switch subject.fact {
        case .message(let message):
            let text = PayloadText(opcode: message.opcode, payload: message.body, isWhole: false).shown
            return "a message of \(message.connection), \(message.outcome), \(addressed): \(text)"
        case .sent(let sent):
            let text = PayloadText(opcode: sent.opcode, payload: sent.body, isWhole: false).shown
            return "sent over @connections, \(addressed): \(text)"
        case .sessionStarted, .connected, .disconnected, .skipped, .sessionEnded:
            return addressed
        }
    }

    /// Appends the explanation as one object.
    ///
    /// - Parameters:
    ///   - recipients: how many connections the event addressed, where that is known.
    ///   - isOneOfAll: whether this is one of many, which leave away what is the same for all of them.
    func appendJSON(recipients: UInt64? = nil, isOneOfAll: Bool, to buffer: inout ByteBuffer) {
        buffer.beginJSON()
        buffer.writeJSON("connectionId", history.connection.token)
        buffer.writeJSON("position", position.rawValue)
        buffer.writeJSON("verdict", verdict.rawValue)
        buffer.writeJSON("event", event)
        switch target {
        case .everyone?: buffer.writeJSON("target", "everyone")
        case .connection(let only)?: buffer.writeJSON("target", only.token)
        case nil: buffer.writeJSONNull("target")
        }
        if !isOneOfAll { appendEvidence(recipients, to: &buffer) }
        if let gap {
            buffer.writeJSONKey("skipped")
            buffer.beginJSON()
            buffer.writeJSON("position", gap.position.rawValue)
            buffer.writeJSON("first", gap.skipped.first.rawValue)
            buffer.writeJSON("last", gap.skipped.last.rawValue)
            buffer.endJSON()
        }
        buffer.endJSON()
    }

    private func appendEvidence(_ recipients: UInt64?, to buffer: inout ByteBuffer) {
        if let recipients { buffer.writeJSON("recipients", recipients) }
        buffer.writeJSON("opened", history.opening.position.rawValue)
        buffer.writeJSON("closed", history.closing?.position.rawValue)
        if let closing = history.closing {
            buffer.writeJSON("cause", closing.disconnected.cause.word)
            closing.disconnected.appendDelivered(to: &buffer)
        } else if let checkpoint = history.checkpoint {
            if history.leftThrough > .zero { buffer.writeJSON("deliveredAtLeast", history.leftThrough.rawValue) }
            buffer.writeJSON("checkpoint", checkpoint.rawValue)
        }
    }
}
