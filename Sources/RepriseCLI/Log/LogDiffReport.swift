internal import NIOCore
internal import Reprise

/// A comparison of two logs, ready to be printed.
struct LogDiffReport {
    var difference: LogDifference
    /// What the two were called on the command line.
    var names: (left: String, right: String)

    func printLines(to output: inout StandardOutput) throws {
        if let first = difference.first {
            try output.print("\(first.position)  FIRST DIFFERENCE: \(reason(first))")
            try printSide("A", first.left, first.leftDelivery, first, to: &output)
            try printSide("B", first.right, first.rightDelivery, first, to: &output)
        }
        for (letter, name, side) in [("A", names.left, difference.left), ("B", names.right, difference.right)] {
            let kinds = zip(Fact.words, side.events).filter { $0.1 > 0 }.map { "\($0.0) \($0.1)" }
            try output.print(
                "\(side.last)  \(letter) to here, \(name): events \(side.total) (\(kinds.joined(separator: ", "))), "
                    + "deliveries \(side.fold.deliveries) to \(side.fold.recipients) recipients")
        }
        let end = max(difference.left.last, difference.right.last)
        if difference.first == nil { return try output.print("\(end)  no difference") }
        try output.print(
            "\(end)  differ: events \(difference.eventsDiffering), only in A \(difference.eventsOnlyLeft), "
                + "only in B \(difference.eventsOnlyRight), deliveries \(difference.deliveriesDiffering)")
    }

    private func reason(_ first: LogDifference.First) -> String {
        guard first.left != nil else { return "only B has an event here" }
        guard first.right != nil else { return "only A has an event here" }
        guard let difference = first.difference else { return "what is delivered" }
        var text = difference.fields.joined(separator: ", ")
        if let offset = difference.bodyOffset { text += " (from byte \(offset) on)" }
        return text
    }

    private func printSide(
        _ letter: String, _ event: Event?, _ planned: PlannedDelivery?, _ first: LogDifference.First,
        to output: inout StandardOutput
    ) throws {
        guard let event else { return try output.print("\(first.position)  \(letter)  nothing") }
        let line = EventSummary(event).line.dropFirst("\(event.position)".count)
        try output.print("\(event.position)  \(letter)\(line)")
        if let offset = first.difference?.bodyOffset, let body = event.fact.body {
            let start = max(0, offset - 20)
            try output.print(
                "\(event.position)  \(letter)  body from byte \(start): \(Excerpt.text(of: body, from: start))")
        }
        if first.leftDelivery != first.rightDelivery {
            try output.print("\(event.position)  \(letter)  delivers \(planned.summary)")
        }
    }

    func printJSON(to output: inout StandardOutput) throws {
        output.buffer.beginJSON()
        output.buffer.writeJSONKey("first")
        if let first = difference.first {
            output.buffer.beginJSON()
            output.buffer.writeJSON("position", first.position.rawValue)
            output.buffer.writeJSONKey("fields")
            output.buffer.beginJSON("[")
            for field in first.difference?.fields ?? [] {
                output.buffer.separateJSON()
                output.buffer.writeJSONString(field)
            }
            output.buffer.endJSON("]")
            if let offset = first.difference?.bodyOffset { output.buffer.writeJSON("bodyOffset", UInt64(offset)) }
            output.buffer.writeEvent("a", first.left)
            output.buffer.writeEvent("b", first.right)
            output.buffer.writePlanned("deliveryA", first.leftDelivery)
            output.buffer.writePlanned("deliveryB", first.rightDelivery)
            output.buffer.endJSON()
        } else {
            output.buffer.writeString("null")
        }
        writeSide("a", difference.left, to: &output.buffer)
        writeSide("b", difference.right, to: &output.buffer)
        output.buffer.writeJSON("eventsDiffering", difference.eventsDiffering)
        output.buffer.writeJSON("eventsOnlyA", difference.eventsOnlyLeft)
        output.buffer.writeJSON("eventsOnlyB", difference.eventsOnlyRight)
        output.buffer.writeJSON("deliveriesDiffering", difference.deliveriesDiffering)
        output.buffer.endJSON()
        try output.endLine()
    }

    private func writeSide(_ key: StaticString, _ side: LogDifference.Side, to buffer: inout ByteBuffer) {
        buffer.writeJSONKey(key)
        buffer.beginJSON()
        buffer.writeJSON("lastPosition", side.last.rawValue)
        buffer.writeJSON("events", side.total)
        buffer.writeJSONKey("byKind")
        buffer.beginJSON()
        for (word, count) in zip(Fact.words, side.events) {
            buffer.separateJSON()
            buffer.writeString("\"\(word)\":\(count)")
        }
        buffer.endJSON()
        buffer.writeJSON("deliveries", side.fold.deliveries)
        buffer.writeJSON("recipients", side.fold.recipients)
        buffer.endJSON()
    }
}
