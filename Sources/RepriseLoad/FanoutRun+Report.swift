/// The judgement: expected against received for every client, and what the figures are worth.
extension FanoutRun {
    /// Ends the run's books and writes the report. Call once.
    mutating func report() -> FanoutReport {
        var report = FanoutReport()
        describePlan(&report)
        describeMeasurement(&report)
        judgeDeliveries(&report)
        judgeErrors(&report)
        judgeGenerator(&report)
        report.lostClients = lostClients
        report.stalledClientsClosed = stalledClientsClosed
        report.churnedClients = churnedClients
        report.lateSends = lateSends
        report.failedRules = findings.list
        report.verdict = findings.count == 0 ? .valid : .invalid
        return report
    }

    private func describePlan(_ report: inout FanoutReport) {
        report.url = plan.url
        report.envelope = plan.envelope.rawValue
        report.clients = plan.clients
        report.senders = plan.senders
        report.stalledClients = plan.stalledClients
        report.payloadBytes = plan.payloadBytes
        report.seed = plan.seed
        report.errorShare = plan.errorShare
        report.mode =
            switch plan.pace {
            case .window(let window): "window \(window)"
            case .rate(let rate): "rate \(rate)/s"
            }
    }

    private func describeMeasurement(_ report: inout FanoutReport) {
        let seconds = Double(max(1, after.time - before.time)) / 1e9
        report.seconds = seconds
        report.measuredMessages = after.messages - before.messages
        report.measuredDeliveries = after.deliveries - before.deliveries
        report.deliveriesPerSecond = Double(report.measuredDeliveries) / seconds
        report.latency = FanoutReport.Latency(messageLatency)
        report.deliveryLatency = FanoutReport.Latency(deliveryLatency)
        report.throughput = throughput
        report.connectSeconds = connectSeconds
        report.connectsPerSecond = connectSeconds > 0 ? Double(plan.clients) / connectSeconds : 0
        report.generatorCPUSeconds = Double(after.generatorCPU - before.generatorCPU) / 1e9
        report.generatorCPUShare = report.generatorCPUSeconds / seconds
        // A pause is also time in the run queue when others had the CPU, but not when the process was stopped.
        let starved = max(after.runQueue - before.runQueue, after.paused - before.paused)
        report.generatorStarvedShare = Double(starved) / 1e9 / seconds
        report.serverResidentBytesBefore = residentBefore
        report.serverResidentBytesConnected = residentConnected
        guard let from = before.server, let to = after.server else { return }
        let serverSeconds = Double(to.cpuNanoseconds - from.cpuNanoseconds) / 1e9
        report.serverCPUSeconds = serverSeconds
        report.serverCPUShare = serverSeconds / seconds
        report.serverResidentBytesPeak = to.peakResidentBytes
        if report.measuredDeliveries > 0 {
            report.cpuNanosecondsPerDelivery =
                Double(to.cpuNanoseconds - from.cpuNanoseconds) / Double(report.measuredDeliveries)
        }
    }

    /// Compares, client by client, what came with what had to come.
    private mutating func judgeDeliveries(_ report: inout FanoutReport) {
        var expected = departedDeliveries
        var received = departedDeliveries
        for index in 0..<plan.receivers {
            let client = clients[index]
            if client.state == .joining || client.state == .connecting || client.state == .upgrading {
                judgeLateJoiner(index)
                continue
            }
            expected += ledger.sent - client.firstPlace
            received += client.received
            if let audit = client.audit {
                judgeAudit(index, audit, &report)
            } else if client.state == .following, client.place < ledger.sent {
                let missing = ledger.sent - client.place
                let first =
                    client.place < ledger.ordered ? text.name(of: ledger.number(atPlace: client.place)) : "unknown"
                findings.add("Client \(index) lacks the last \(missing) messages (the first of them: \(first)).")
            }
        }
        if report.laggingClients > 0 {
            findings.add(
                "\(report.laggingClients) clients fell more than \(reference.capacity) bytes behind (lagging, not wrong): "
                    + "latencies leave them out.")
        }
        report.messagesSent = ledger.sent
        report.expectedDeliveries = expected
        report.receivedDeliveries = received
        if report.measuredDeliveries == 0 { findings.add("Nothing was delivered in the measured time.") }
        if expected != received {
            findings.add("\(received) deliveries were received, \(expected) were expected.")
        }
    }

    private mutating func judgeAudit(_ index: Int, _ audit: StreamAudit, _ report: inout FanoutReport) {
        audit.finish(ledger)
        if audit.cause == .lagged {
            report.laggingClients += 1
        }
        for fault in audit.faults { findings.add("Client \(index) \(audit.describe(fault)).") }
        findings.addUnlisted(audit.faultCount - audit.faults.count)
    }

    /// A client that joined and received nothing, although something was sent in its time.
    private mutating func judgeLateJoiner(_ index: Int) {
        guard clients[index].state == .joining else {
            findings.add("Client \(index) did not get connected.")
            return
        }
        guard ledger.sent > 0, ledger.startTime(ofNumber: ledger.sent - 1) > clients[index].joinedAt else { return }
        findings.add("Client \(index) joined and received nothing, although messages were sent.")
    }

    /// Every refused message has one answer.
    private mutating func judgeErrors(_ report: inout FanoutReport) {
        report.errorsExpected = errors.sent
        report.errorsReceived = errors.received
        for (sender, count) in errors.missing {
            findings.add("Client \(sender) lacks \(count) error frames.")
        }
    }

    /// Asks whether the generator itself was fit to measure.
    private mutating func judgeGenerator(_ report: inout FanoutReport) {
        let fitness = GeneratorFitness(
            messages: ledger.sent + errors.sent, lateSends: lateSends, cpuShare: report.generatorCPUShare,
            starvedShare: report.generatorStarvedShare)
        for rule in fitness.failedRules { findings.add(rule) }
        report.notes += fitness.notes
        if stalledClientsClosed > 0 {
            report.notes.append("The server closed \(stalledClientsClosed) of \(plan.stalledClients) stalled clients.")
        }
    }
}
