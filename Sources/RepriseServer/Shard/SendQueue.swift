// Many sends with one system call: io_uring as a batch of `send(2)`. Nothing is left in flight when a call returns, so a
// descriptor is as safe to use as with `send` itself; what is saved is the entry into the kernel for each recipient.
// Measured on the floor in C, 1 000 connections, 64 B, one message outstanding: 7.6 → 6.7 µs of CPU for a delivery.

internal import CLinux
internal import Glibc

/// A ring that the kernel takes sends from, and one on which it answers.
///
/// Owner: one shard, on its event loop. `@safe`: the three mappings are this value's own and as long as it; every index is
/// masked by the size that the kernel gave.
@safe final class SendQueue {
    private let ring: CInt
    private let mappings:
        (
            submissions: UnsafeMutableRawBufferPointer, completions: UnsafeMutableRawBufferPointer,
            entries: UnsafeMutableRawBufferPointer
        )
    private let submissionTail: UnsafeMutablePointer<UInt32>
    private let submissionMask: UInt32
    private let completionHead: UnsafeMutablePointer<UInt32>
    private let completionTail: UnsafeMutablePointer<UInt32>
    private let completionMask: UInt32
    private let sends: UnsafeMutablePointer<io_uring_sqe>
    private let answers: UnsafeMutablePointer<io_uring_cqe>

    /// Sends that one system call takes at most.
    static let batchMax = 256
    /// Fewer than this are not worth the ring's own bookkeeping.
    static let batchMin = 8

    /// Sets a ring up.
    ///
    /// - Returns: `nil` where the kernel has no io_uring, or a sandbox forbids it; `send(2)` then does the same.
    init?() {
        var parameters = io_uring_params()
        let ring = unsafe io_uring_setup(UInt32(SendQueue.batchMax), &parameters)
        guard ring >= 0 else { return nil }
        let submissionBytes =
            Int(parameters.sq_off.array) + Int(parameters.sq_entries) * MemoryLayout<UInt32>.stride
        let completionBytes =
            Int(parameters.cq_off.cqes) + Int(parameters.cq_entries) * MemoryLayout<io_uring_cqe>.stride
        let entryBytes = Int(parameters.sq_entries) * MemoryLayout<io_uring_sqe>.stride
        let submissions = unsafe SendQueue.map(ring, submissionBytes, IORING_OFF_SQ_RING)
        let completions = unsafe SendQueue.map(ring, completionBytes, IORING_OFF_CQ_RING)
        let entries = unsafe SendQueue.map(ring, entryBytes, IORING_OFF_SQES)
        unsafe mappings = (submissions, completions, entries)
        self.ring = ring
        guard let submissions = submissions.baseAddress, let completions = completions.baseAddress,
            let entries = entries.baseAddress
        else {
            unsafe SendQueue.unmap(mappings)
            Glibc.close(ring)
            return nil
        }
        unsafe submissionTail = (submissions + Int(parameters.sq_off.tail)).assumingMemoryBound(to: UInt32.self)
        submissionMask = parameters.sq_entries - 1
        unsafe completionHead = (completions + Int(parameters.cq_off.head)).assumingMemoryBound(to: UInt32.self)
        unsafe completionTail = (completions + Int(parameters.cq_off.tail)).assumingMemoryBound(to: UInt32.self)
        completionMask = parameters.cq_entries - 1
        unsafe sends = entries.assumingMemoryBound(to: io_uring_sqe.self)
        unsafe answers = (completions + Int(parameters.cq_off.cqes)).assumingMemoryBound(to: io_uring_cqe.self)
        // Slot i of the queue is entry i, for good.
        let order = unsafe (submissions + Int(parameters.sq_off.array)).assumingMemoryBound(to: UInt32.self)
        for slot in 0..<parameters.sq_entries { unsafe order[Int(slot)] = slot }
    }

    deinit {
        unsafe SendQueue.unmap(mappings)
        Glibc.close(ring)
    }

    /// A part of the ring; empty where it cannot be mapped.
    private static func map(_ ring: CInt, _ byteCount: Int, _ offset: UInt64) -> UnsafeMutableRawBufferPointer {
        let protection = PROT_READ | PROT_WRITE
        let mapped = unsafe mmap(nil, byteCount, protection, MAP_SHARED | CInt(MAP_POPULATE), ring, Int(offset))
        return unsafe UnsafeMutableRawBufferPointer(start: mapped == MAP_FAILED ? nil : mapped, count: byteCount)
    }

    private static func unmap(
        _ mappings: (UnsafeMutableRawBufferPointer, UnsafeMutableRawBufferPointer, UnsafeMutableRawBufferPointer)
    ) {
        func unmap(_ mapping: UnsafeMutableRawBufferPointer) {
            if unsafe mapping.baseAddress != nil { _ = unsafe munmap(mapping.baseAddress, mapping.count) }
        }
        unsafe unmap(mappings.0)
        unsafe unmap(mappings.1)
        unsafe unmap(mappings.2)
    }

    /// Sends `bytes` to up to `batchMax` non-blocking sockets, with one system call, and returns when every one was tried.
    ///
    /// - Parameter shortfall: is given the index of each descriptor whose socket did not take everything.
    func send(
        _ bytes: UnsafeRawBufferPointer, to descriptors: Span<CInt>, shortfall: (Int, SendResult) -> Void
    ) {
        precondition(descriptors.count <= SendQueue.batchMax, "\(descriptors.count) sends at once")
        let flags = UInt32(MSG_NOSIGNAL) | UInt32(MSG_DONTWAIT)
        let first = unsafe submissionTail.pointee  // only this side writes it
        for index in descriptors.indices {
            let slot = Int((first &+ UInt32(index)) & submissionMask)
            unsafe io_uring_prepare_send(
                sends + slot, descriptors[index], bytes.baseAddress, UInt32(bytes.count), flags, UInt64(index))
        }
        unsafe io_uring_store(submissionTail, first &+ UInt32(descriptors.count))
        var unsubmitted = UInt32(descriptors.count)
        var unanswered = descriptors.count
        while unanswered > 0 {
            // A send that must not wait is answered while it is submitted: this does not sleep.
            let submitted = io_uring_enter(ring, unsubmitted, UInt32(unanswered), UInt32(IORING_ENTER_GETEVENTS))
            if submitted > 0 { unsubmitted -= UInt32(submitted) }
            precondition(
                submitted >= 0 || [EINTR, EAGAIN, EBUSY, ENOMEM].contains(errno), "io_uring_enter: \(errno)")
            unanswered -= takeAnswers(of: bytes.count, shortfall)
        }
    }

    /// - Returns: how many sends were answered.
    private func takeAnswers(of byteCount: Int, _ shortfall: (Int, SendResult) -> Void) -> Int {
        let head = unsafe completionHead.pointee
        let tail = unsafe io_uring_load(completionTail)
        var next = head
        while next != tail {
            let answer = unsafe answers[Int(next & completionMask)]
            let result = Int(answer.res)
            if result != byteCount { shortfall(Int(answer.user_data), SendResult(taken: result)) }
            next &+= 1
        }
        unsafe io_uring_store(completionHead, tail)
        return Int(tail &- head)
    }
}

extension SendResult {
    /// What the kernel answered: a count of bytes, or a negated error.
    fileprivate init(taken: Int) {
        switch taken {
        case 0...: self = .took(taken)
        case -Int(EAGAIN), -Int(ENOBUFS), -Int(ENOMEM), -Int(EINTR): self = .blocked
        default: self = .failed
        }
    }
}
