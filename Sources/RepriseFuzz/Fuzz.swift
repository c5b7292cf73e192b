// The fuzzers as a program; `tools/fuzz` builds it with libFuzzer and calls it. Without libFuzzer it repeats inputs.
//
//   RepriseFuzz list                              names and summaries
//   RepriseFuzz NAME FILE…                        runs inputs; exit code 2 and the finding when one has any
//   RepriseFuzz NAME fuzz [libFuzzer's options]   looks for findings (a build with -DFUZZING -sanitize=fuzzer)

internal import Foundation
internal import NIOCore
internal import RepriseTesting

#if FUZZING
    internal import CLibFuzzer
#endif

@main
enum Fuzz {
    /// The fuzzer that was named. libFuzzer's callback takes no context, and calls from the main thread alone.
    private nonisolated(unsafe) static var target = FuzzTarget.canary

    static func main() {
        let arguments = CommandLine.arguments.dropFirst()
        let targets = FuzzTarget.all + [FuzzTarget.canary]
        guard let name = arguments.first, name != "list" else {
            return targets.forEach { print("\($0.name)\t\($0.summary)") }
        }
        guard let named = targets.first(where: { $0.name == name }) else {
            print("there is no fuzzer '\(name)'; there are \(targets.map(\.name).joined(separator: ", "))")
            exit(64)
        }
        unsafe target = named
        if arguments.dropFirst().first == "fuzz" { search() }
        for path in arguments.dropFirst() { repeatInput(path) }
    }

    private static func repeatInput(_ path: String) {
        guard let bytes = FileManager.default.contents(atPath: path) else {
            print("\(path) cannot be read")
            exit(1)
        }
        do {
            try unsafe target.body(ByteBuffer(bytes: bytes))
            print("\(path): nothing found")
        } catch {
            print("\(path): \(error)")
            exit(2)
        }
    }

    /// Hands over to libFuzzer, which sees the arguments behind `fuzz`.
    private static func search() -> Never {
        #if FUZZING
            var count = CommandLine.argc - 2
            unsafe CommandLine.unsafeArgv[2] = CommandLine.unsafeArgv[0]
            var rest: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = unsafe CommandLine.unsafeArgv + 2
            exit(
                unsafe LLVMFuzzerRunDriver(&count, &rest) { bytes, count in
                    let input = unsafe ByteBuffer(bytes: UnsafeRawBufferPointer(start: bytes, count: count))
                    do { try unsafe Fuzz.target.body(input) } catch { fatalError("\(error)") }
                    return 0
                })
        #else
            print("this build has no libFuzzer; use tools/fuzz")
            exit(64)
        #endif
    }
}
