import CLinux
import Glibc

/// An epoll instance with room for one turn's events.
///
/// Registrations are edge-triggered for reading and writing at once, so a connection is registered once and never
/// changed. This file's `unsafe` is the event buffer, which this value owns, and the calls that fill it.
@safe struct Epoll: ~Copyable {
    /// One descriptor's news.
    struct Event {
        /// The number given when the descriptor was added.
        var token: Int
        fileprivate var flags: UInt32

        /// There are bytes, an end of stream or an error to read.
        var isReadable: Bool {
            flags & (EPOLLIN.rawValue | EPOLLRDHUP.rawValue | EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0
        }
        /// There is room to write (or the connect is over).
        var isWritable: Bool { flags & (EPOLLOUT.rawValue | EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0 }
        /// The peer has ended its side, or the connection failed: read until that shows.
        var isEnding: Bool { flags & (EPOLLRDHUP.rawValue | EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0 }
    }

    private let descriptor: Int32
    private let capacity: Int
    private let events: UnsafeMutablePointer<epoll_event>

    /// - Parameter capacity: events taken at one time.
    /// - Throws: ``LoadError/system(operation:code:)`` when there is no descriptor left.
    init(capacity: Int) throws(LoadError) {
        let descriptor = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard descriptor >= 0 else { throw .system(operation: "epoll_create1", code: errno) }
        self.descriptor = descriptor
        self.capacity = capacity
        unsafe self.events = .allocate(capacity: capacity)
        unsafe self.events.initialize(repeating: unsafe epoll_event(), count: capacity)
    }

    deinit {
        unsafe events.deallocate()
        close(descriptor)
    }

    /// Watches a descriptor until it is closed.
    ///
    /// - Throws: ``LoadError/system(operation:code:)`` when the kernel has no room for it.
    func add(_ watched: Int32, token: Int) throws(LoadError) {
        var event = unsafe epoll_event()
        unsafe event.events = EPOLLIN.rawValue | EPOLLOUT.rawValue | EPOLLRDHUP.rawValue | EPOLLET.rawValue
        unsafe event.data.u64 = UInt64(token)
        guard unsafe epoll_ctl(descriptor, EPOLL_CTL_ADD, watched, &event) == 0 else {
            throw .system(operation: "epoll_ctl", code: errno)
        }
    }

    /// Waits for news, at most so long, and returns how many there are. An interrupted wait is an empty one.
    func wait(nanoseconds: Int) throws(LoadError) -> Int {
        var count: Int32
        if nanoseconds <= 0 {
            count = unsafe epoll_wait(descriptor, events, Int32(capacity), 0)
        } else {
            var time = timespec(tv_sec: nanoseconds / 1_000_000_000, tv_nsec: nanoseconds % 1_000_000_000)
            count = unsafe epoll_pwait2(descriptor, events, Int32(capacity), &time, nil)
            if count < 0, errno == ENOSYS {
                // Kernels before 5.11, and valgrind: whole milliseconds.
                count = unsafe epoll_wait(descriptor, events, Int32(capacity), Int32(nanoseconds / 1_000_000))
            }
        }
        if count < 0 {
            guard errno == EINTR else { throw .system(operation: "epoll_wait", code: errno) }
            count = 0
        }
        return Int(count)
    }

    /// An event of the last ``wait(nanoseconds:)``.
    ///
    /// - Precondition: `index` is below the count it returned.
    @inline(__always)
    func event(_ index: Int) -> Event {
        precondition(index >= 0 && index < capacity, "event \(index) of \(capacity)")
        let event = unsafe events[index]
        return unsafe Event(token: Int(truncatingIfNeeded: event.data.u64), flags: event.events)
    }
}
