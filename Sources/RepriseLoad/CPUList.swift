internal import CLinux
internal import Glibc

/// A set of CPUs, written as the kernel writes it: `0`, `0,2-3`.
///
/// This file's `unsafe` is handing the kernel's bit set, a local value, to one call.
public struct CPUList: Sendable, Equatable, CustomStringConvertible {
    /// CPUs that the kernel's bit set has room for.
    private static let cpusMax = 1024
    /// The numbers, ascending; never empty.
    let cpus: [Int]

    /// The list that a text describes; nil if it describes none.
    public init?(_ text: String) {
        var cpus: Set<Int> = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let ends = part.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false).map { Int($0) }
            guard let first = ends[0], let last = ends[ends.count - 1], first >= 0, first <= last, last < Self.cpusMax
            else { return nil }
            cpus.formUnion(first...last)
        }
        self.cpus = cpus.sorted()
    }

    private init(cpus: [Int]) {
        self.cpus = cpus
    }

    /// The shortest text.
    public var description: String {
        var parts: [String] = []
        var rest = cpus[...]
        while let first = rest.first {
            var last = first
            while rest.dropFirst().first == last + 1 {
                rest = rest.dropFirst()
                last += 1
            }
            rest = rest.dropFirst()
            parts.append(first == last ? "\(first)" : "\(first)-\(last)")
        }
        return parts.joined(separator: ",")
    }

    /// The CPUs that the calling thread may use.
    static func ofThisThread() throws(LoadError) -> CPUList {
        var set = [UInt64](repeating: 0, count: cpusMax / 64)
        guard unsafe sched_getaffinity(0, cpusMax / 8, &set) >= 0 else {
            throw .system(operation: "sched_getaffinity", code: errno)
        }
        return CPUList(cpus: (0..<cpusMax).filter { set[$0 >> 6] & 1 << UInt64($0 & 63) != 0 })
    }

    /// Keeps the calling thread, and the threads and processes that it starts from now on, to these CPUs.
    ///
    /// - Throws: ``LoadError/invalidPlan(_:)`` when the machine has none of them.
    func pinThisThread() throws(LoadError) {
        var set = [UInt64](repeating: 0, count: Self.cpusMax / 64)
        for cpu in cpus { set[cpu >> 6] |= 1 << UInt64(cpu & 63) }
        guard unsafe sched_setaffinity(0, Self.cpusMax / 8, set) == 0 else {
            throw .invalidPlan("cannot use the CPUs \(self): \(SystemCall.errorText(errno)); see nproc")
        }
    }
}
