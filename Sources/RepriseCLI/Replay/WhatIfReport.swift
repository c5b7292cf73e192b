internal import NIOCore
internal import Reprise

/// What two sets of rules make of a session, ready to be printed.
struct WhatIfReport {
    var whatIf: WhatIf
    var session: SessionID
    /// What the two sets of rules are called.
    var names: (left: String, right: String)

    func printLines(to output: inout StandardOutput) throws {
        try output.print("\(whatIf.start)  session \(session), compared from here: \(names.left) with \(names.right)")
        if let first = whatIf.first {
            try output.print("\(first.event.position)  FIRST DIFFERENCE")
            try output.print(EventSummary(first.event).line)
            for (name, result) in [(names.left, first.left), (names.right, first.right)] {
                let verdict = result.verdict.map { "\($0.words); " } ?? ""
                let frames = result.frames > 1 ? ", in \(result.frames) frames" : ""
                try output.print(
                    "\(first.event.position)  \(name): \(verdict)delivers \(result.planned.summary)\(frames)")
            }
        }
        let counts = whatIf.counts
        try output.print(
            "\(whatIf.last)  to here: messages \(counts.messages), sends \(counts.sends), "
                + (counts.differing == 0 ? "no difference" : "differing \(counts.differing)"))
        guard counts.differing > 0 else { return }
        try output.print(
            "\(whatIf.last)  messages: other route \(counts.otherRoute), newly refused \(counts.newlyRefused), "
                + "newly accepted \(counts.newlyAccepted), other refusal \(counts.otherRefusal), "
                + "closing their sender \(counts.closing)")
        try output.print(
            "\(whatIf.last)  deliveries: other bytes \(counts.otherPayload), other frames \(counts.otherFrames), "
                + "other recipients \(counts.otherRecipients); recipients \(counts.recipientsLeft) and "
                + "\(counts.recipientsRight), \(counts.recipientsMore) more, \(counts.recipientsFewer) fewer")
    }

    func printJSON(to output: inout StandardOutput) throws {
        output.buffer.beginJSON()
        output.buffer.writeJSON("session", session.rawValue)
        output.buffer.writeJSON("firstPosition", whatIf.start.rawValue)
        output.buffer.writeJSON("lastPosition", whatIf.last.rawValue)
        output.buffer.writeJSON("left", names.left)
        output.buffer.writeJSON("right", names.right)
        for field in WhatIf.Counts.fields { output.buffer.writeJSON(field.name, whatIf.counts[keyPath: field.path]) }
        output.buffer.writeJSONKey("first")
        if let first = whatIf.first {
            output.buffer.beginJSON()
            output.buffer.writeJSON("position", first.event.position.rawValue)
            output.buffer.writeEvent("event", first.event)
            write("left", first.left, to: &output.buffer)
            write("right", first.right, to: &output.buffer)
            output.buffer.endJSON()
        } else {
            output.buffer.writeString("null")
        }
        output.buffer.endJSON()
        try output.endLine()
    }

    private func write(_ key: StaticString, _ result: WhatIf.Result, to buffer: inout ByteBuffer) {
        buffer.writeJSONKey(key)
        buffer.beginJSON()
        switch result.verdict {
        case .outcome(.route(let key))?: buffer.writeJSON("route", key)
        case .outcome(.refused(let refusal))?: buffer.writeJSON("refused", refusal.word)
        case .closes(let code)?: buffer.writeJSON("closes", UInt64(code.rawValue))
        case nil: break
        }
        buffer.writePlanned("delivery", result.planned)
        if let payload = result.planned?.payload {
            buffer.writeJSON("payloadExcerpt", Excerpt.text(of: payload))
        }
        buffer.writeJSON("frames", UInt64(result.frames))
        buffer.endJSON()
    }
}

extension WhatIf.Verdict {
    /// What becomes of the message, in words.
    fileprivate var words: String {
        switch self {
        case .outcome(let outcome): "\(outcome)"
        case .closes(let code): "closes its sender with \(code.rawValue)"
        }
    }
}
