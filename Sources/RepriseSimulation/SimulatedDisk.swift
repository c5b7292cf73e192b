internal import CSimulatedKernel
internal import Glibc

/// The disk under the log of a simulation: it keeps what was synced, and what chance leaves of the rest.
enum SimulatedDisk {
    /// What a call to the disk can end with, and the machine goes on.
    enum Fault: CInt {
        case full = 28  // ENOSPC
        case broken = 5  // EIO
    }

    /// From now on the log in the folder at `path` is on the simulated disk.
    static func begin(_ path: String) { unsafe simulated_disk_begin(path + "/data.mdb") }

    /// After some further calls, some calls fail.
    static func fail(_ fault: Fault, after calls: Int, count: Int) {
        simulated_disk_fail(fault.rawValue, Int64(calls), Int64(count))
    }

    /// After some further calls the machine stops.
    static func crash(after calls: Int) { simulated_disk_crash(Int64(calls)) }

    static func heal() { simulated_disk_heal() }

    static var hasCrashed: Bool { simulated_disk_has_crashed() }

    /// What has failed since `begin` so that no later call mends it: `full` where that was a sync.
    static var loss: Fault? { Fault(rawValue: simulated_disk_loss()) }

    /// Puts what is left of the folder at `path` into a new one.
    ///
    /// - Parameter share: how much of what was not synced is left, of 256; 256 where only the process died.
    static func survive(_ path: String, to next: String, seed: UInt64, share: UInt32) {
        unsafe mkdir(next, 0o755)
        _ = unsafe simulated_disk_survive(next + "/data.mdb", seed, share)
        copy("\(path)/synced", to: "\(next)/synced")
    }

    private static func copy(_ path: String, to target: String) {
        let from = unsafe open(path, O_RDONLY)
        guard from >= 0 else { return }
        var bytes = [UInt8](repeating: 0, count: 1024)
        let count = unsafe bytes.withUnsafeMutableBytes { unsafe read(from, $0.baseAddress, $0.count) }
        close(from)
        let to = unsafe open(target, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        _ = unsafe bytes.withUnsafeBytes { unsafe write(to, $0.baseAddress, max(0, count)) }
        close(to)
    }
}
