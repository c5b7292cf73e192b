internal import Glibc

/// The computer that a benchmark ran on.
public struct Machine: Sendable, Equatable, Codable {
    /// The processor's name, as the kernel gives it; "unknown" if it does not.
    public var cpu = "unknown"
    /// CPUs online.
    public var cores = 0
    /// Operating system and kernel release, such as "Linux 6.1.0-18-amd64".
    public var kernel = "unknown"
    /// Bytes of main memory; 0 if unknown.
    public var memoryBytes = 0

    /// Nothing known.
    public init() {}

    /// The machine that this process runs on.
    public static func current() -> Machine {
        var machine = Machine()
        let lines = (SystemCall.text(ofFile: "/proc/cpuinfo") ?? "").split(separator: "\n")
        if let line = lines.first(where: { $0.hasPrefix("model name") }), let colon = line.firstIndex(of: ":") {
            machine.cpu = String(line[line.index(after: colon)...].drop { $0 == " " })
        }
        machine.cores = sysconf(Int32(_SC_NPROCESSORS_ONLN))
        let kernel = ["ostype", "osrelease"].compactMap { name in
            SystemCall.text(ofFile: "/proc/sys/kernel/\(name)")?.split(separator: "\n").first
        }
        if !kernel.isEmpty { machine.kernel = kernel.joined(separator: " ") }
        machine.memoryBytes = max(0, sysconf(Int32(_SC_PHYS_PAGES))) * max(0, sysconf(Int32(_SC_PAGESIZE)))
        return machine
    }
}
