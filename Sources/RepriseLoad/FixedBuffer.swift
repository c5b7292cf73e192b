/// A block of elements that never grows and has one owner: an array without the question, at every write, whether it
/// is shared. That question was a call for each delivery.
///
/// Every access is checked against the count; `unsafe` is the block itself.
@safe struct FixedBuffer<Element>: ~Copyable {
    let count: Int
    private let base: UnsafeMutablePointer<Element>

    init(repeating element: Element, count: Int) {
        self.count = count
        unsafe base = .allocate(capacity: count)
        unsafe base.initialize(repeating: element, count: count)
    }

    deinit {
        unsafe base.deinitialize(count: count)
        unsafe base.deallocate()
    }

    /// The positions of the elements.
    var indices: Range<Int> { 0..<count }

    @inline(__always)
    subscript(index: Int) -> Element {
        _read {
            precondition(index >= 0 && index < count, "element \(index) of \(count)")
            yield unsafe base[index]
        }
        nonmutating _modify {
            precondition(index >= 0 && index < count, "element \(index) of \(count)")
            yield unsafe &base[index]
        }
    }
}
