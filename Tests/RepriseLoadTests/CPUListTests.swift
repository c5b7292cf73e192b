import Testing

@testable import RepriseLoad

@Suite struct CPUListTests {
    @Test(arguments: [("0", "0"), ("2,0", "0,2"), ("0-3", "0-3"), ("0,1,2,5-6", "0-2,5-6"), ("3,3", "3")])
    func `a list is read and written in the kernel's way`(text: String, shortest: String) {
        #expect(CPUList(text)?.description == shortest)
    }

    @Test(arguments: ["", "a", "-1", "1-", "3-1", "0,,1", "99999"])
    func `what names no CPU is no list`(text: String) {
        #expect(CPUList(text) == nil)
    }

    @Test func `a thread's CPUs can be taken away and given back`() throws {
        let all = try CPUList.ofThisThread()
        let one = try #require(CPUList("\(all.cpus[0])"))
        try one.pinThisThread()
        defer { try? all.pinThisThread() }
        #expect(try CPUList.ofThisThread() == one)
    }

    @Test func `a CPU that the machine has not is refused with a reason`() throws {
        let list = try #require(CPUList("1023"))
        #expect(throws: LoadError.self) { try list.pinThisThread() }
    }
}
