// The registry of all fuzzers. A body is a plain function of bytes, so that libFuzzer (`tools/fuzz`) and the ordinary tests,
// which run the corpora in Tests/Fuzz, call the same one.

public import NIOCore

/// What a fuzzer found: a promise that did not hold.
public struct FuzzFinding: Error, CustomStringConvertible, Sendable {
    /// Which promise, with both sides where there are two.
    public let description: String

    init(_ description: String) { self.description = description }
}

/// Something that takes bytes from outside, and what must hold for it whatever the bytes are.
public struct FuzzTarget: Sendable {
    /// The name on the command line, and of its folder in Tests/Fuzz.
    public let name: String
    /// What it does with the bytes, in one line.
    public let summary: String
    /// Throws `FuzzFinding` when a promise does not hold; a trap is a finding as well.
    public let body: @Sendable (ByteBuffer) throws -> Void

    /// Every fuzzer but the canary.
    public static let all = [frames, utf8, http, records, json, lines, imports, texts]

    /// Must fail within seconds: proof that a failure is noticed. It looks for four bytes at once, which a fuzzer finds that is
    /// led by what the code compares, and one that is not does not.
    public static let canary = FuzzTarget(
        name: "canary", summary: "fails on purpose, to prove that failures are noticed"
    ) {
        bytes in
        guard let word = bytes.getInteger(at: bytes.readerIndex, as: UInt32.self), word == 0x6269_7264 else { return }
        throw FuzzFinding("the canary was found")
    }
}

/// States a promise.
func expect(_ condition: Bool, _ promise: @autoclosure () -> String) throws(FuzzFinding) {
    if !condition { throw FuzzFinding(promise()) }
}
