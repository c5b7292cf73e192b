import LMDB
import RepriseTesting
import Testing

@testable import Reprise

@Suite struct SyncedMarkTests {
    private let folder = TemporaryFolder()
    private var path: String { folder.path + "/data" }
    private let id = LogID(rawValue: 5)

    private func makeLog(_ run: RunState? = nil) throws {
        let log = try EventLog(path: path, access: .write(mapBytes: 1 << 24, synchronization: .onRequest), newID: id)
        var writer = try LogWriter(log)
        var addenda = LogAddenda()
        addenda.run = run
        try writer.commit([], addenda: addenda)
    }

    private func mustVerify(bootID: String) throws(LogError) -> Bool {
        try SyncedMark.mustVerify(path, currentBootID: bootID)
    }

    @Test func `is read back as it was stored, and again when it was replaced`() throws {
        for position in [7, 1 << 40, 3] as [UInt64] {
            let mark = SyncedMark(log: id, position: Position(position), bootID: "boot \(position)")
            try mark.store(in: folder.path)
            #expect(SyncedMark(in: folder.path) == mark)
        }
        SyncedMark.remove(from: folder.path)
        #expect(!SyncedMark.exists(in: folder.path))
        #expect(SyncedMark(in: folder.path) == nil)
    }

    @Test func `that cannot be stored says so`() {
        #expect {
            try SyncedMark(log: id, position: Position(1), bootID: "a").store(in: folder.path + "/missing")
        } throws: { error in
            "\(error)".contains("missing/synced")
        }
    }

    @Test func `asks for no verification where there is no log`() throws {
        #expect(try !mustVerify(bootID: "a"))
    }

    @Test(arguments: [RunState.Durability.interval, .never])
    func `asks for verification after a run that the machine ended`(durability: RunState.Durability) throws {
        try makeLog(RunState(bootID: "a", durability: durability, isClean: false))
        #expect(try !mustVerify(bootID: "a"))  // only the process ended
        #expect(try mustVerify(bootID: "b"))
        #expect(try mustVerify(bootID: ""))  // nobody knows
        try SyncedMark(log: id, position: Position(1), bootID: "b").store(in: path)
        #expect(try !mustVerify(bootID: "b"))  // the mark knows more than the run state
        #expect(try mustVerify(bootID: "c"))
    }

    @Test func `without boot ids an end that was not clean may be one of the machine`() throws {
        try makeLog(RunState(bootID: "", durability: .interval, isClean: false))
        #expect(try mustVerify(bootID: ""))
    }

    @Test(arguments: [
        RunState(bootID: "a", durability: .always, isClean: false),
        RunState(bootID: "a", durability: .interval, isClean: true),
    ])
    func `asks for no verification after a run that has synced everything`(run: RunState) throws {
        try makeLog(run)
        #expect(try !mustVerify(bootID: "b"))
    }

    @Test func `without the log that it speaks of is damage, and names the file`() throws {
        try SyncedMark(log: id, position: Position(9), bootID: "a").store(in: folder.path)
        #expect {
            try SyncedMark.mustVerify(folder.path, currentBootID: "b")
        } throws: { error in
            (error as? LogError)?.isDamage == true && "\(error)".contains("remove \(folder.path)/synced")
        }
        #expect(try !SyncedMark.mustVerify(folder.path, currentBootID: "a"))  // somebody wanted a new log
    }
}
