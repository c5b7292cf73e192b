// The fan-out: what one plan means for the sockets of one loop.

internal import NIOCore
internal import Reprise

extension Shard {
    /// Performs one batch. Complexity: one `send` for each member without an exception, whatever the number of messages.
    func perform(_ plan: DeliveryPlan) {
        eventLoop.assertInEventLoop()
        let now = eventLoop.now
        isPerforming = true
        ring.append(plan.run)
        let excepted = place(plan.exceptions, of: plan, now: now)
        if plan.run.bytes.readableBytes > 0 { fanOut(plan.run, now: now) }
        performedThrough = plan.last  // all is placed: who joins the ring now joins it behind this position
        for connection in excepted { connection.transmit() }
        isPerforming = false
        closeBroken()
        trimRing()
        observe()
        for connection in excepted { connection.startReading() }
    }

    /// Puts every exception where it belongs, before anything of the batch is sent.
    ///
    /// - Returns: the connections that have something to send beyond the run.
    private func place(
        _ exceptions: [DeliveryPlan.Exception], of plan: DeliveryPlan, now: NIODeadline
    ) -> [Connection] {
        var touched: [Connection] = []
        for exception in exceptions {
            guard let connection = connections[exception.connection] else { continue }
            switch exception.change {
            case .activate:
                connection.memberIndex = members.count
                members.append(connection)
                connection.activate(at: exception.offset, now: now)
                touched.append(connection)
            case .deactivate:
                remove(exception.connection)
            case .frame(let position, let range):
                guard let frame = plan.targeted.getSlice(at: range.lowerBound, length: range.count) else { continue }
                leaveIdle(connection)
                connection.outbox.add(frame, at: position, offset: exception.offset, served: plan.run.start)
                connection.noteTraffic(now)
                touched.append(connection)
            case .skipped:
                gapWasRecorded(of: exception.connection)
            }
        }
        return touched
    }

    /// The run's bytes, borrowed once, to every idle connection.
    private func fanOut(_ run: FrameRun, now: NIODeadline) {
        if let secureLoop { return fanOutSecurely(run, through: secureLoop, now: now) }
        let shortfalls = unsafe run.bytes.withUnsafeReadableBytes { unsafe idle.send($0) }
        for shortfall in shortfalls {
            let connection = shortfall.connection
            leaveIdle(connection)
            switch shortfall.result {
            case .took(let count):
                connection.outbox.tookPart(of: run.start, byteCount: count)
                connection.noteTraffic(now)
                connection.waitForSocket()
            case .blocked:
                connection.outbox.tookPart(of: run.start, byteCount: 0)
                connection.waitForSocket()
            case .failed:
                connection.outbox.tookPart(of: run.start, byteCount: 0)
                markBroken(connection)
            }
        }
        lastFanOut = now
    }

    /// The same with TLS.
    private func fanOutSecurely(_ run: FrameRun, through loop: SecureLoop, now: NIODeadline) {
        for shortfall in idle.sendSecurely(run.bytes.readableBytesSpan, through: loop) {
            let connection = shortfall.connection
            leaveIdle(connection)
            connection.outbox.tookPart(of: run.start, byteCount: shortfall.bytesTaken)
            switch shortfall.sending {
            case .left:
                continue
            case .rest(let rest):
                connection.outbox.handedToChannel(shortfall.recordBytes)
                connection.waitForSocket(with: rest)
            case .failed:
                markBroken(connection)
            }
        }
        lastFanOut = now
    }
}
