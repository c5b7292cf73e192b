private final class Object {}

extension Case {
    /// Proves that the counter counts: were it deaf, everything else would pass.
    static let counter = [
        Case("counter: an object allocated") { operations in
            Work { for _ in 0..<operations { consume(Object()) } }
        }
    ]
}
