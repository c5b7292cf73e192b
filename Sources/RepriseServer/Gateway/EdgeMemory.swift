// One bound for what strangers can make a loop keep: unfinished messages, bodies, and bytes that wait to be parsed.

/// Who keeps bytes of a stranger.
protocol EdgeHolder: AnyObject {
    /// Its place in the account.
    var edgeSlot: EdgeMemory.Slot { get set }
    /// Lets go of everything and ends: too much is kept, and it began to keep something before all others.
    func endForMemory()
}

/// The account of one loop.
///
/// Above the bound the oldest holder ends, not the largest: an honest upload is large for a short time, and what is unfinished for
/// long does not mean to be finished. Every operation is O(1).
///
/// Owner: its event loop.
struct EdgeMemory {
    /// A place in the account; `none` for who keeps nothing.
    struct Slot: Equatable {
        fileprivate var index: Int32
        static let none = Slot(index: -1)
    }

    /// Holders lie in one list by age, and free places in another.
    private struct Entry {
        var holder: (any EdgeHolder)?
        var bytes: Int
        var older: Int32
        var newer: Int32
    }

    /// The bound, bytes.
    let bytesMax: Int
    /// What is kept now.
    private(set) var bytes = 0
    /// How many have kept something too long.
    private(set) var endedCount = 0
    private var entries: [Entry] = []
    private var free: Int32 = -1
    private var oldest: Int32 = -1
    private var newest: Int32 = -1

    init(bytesMax: Int) {
        self.bytesMax = bytesMax
    }

    /// A holder keeps so much now: the capacity of its storage, which may be larger than its content.
    mutating func update(_ holder: some EdgeHolder, to kept: Int) {
        if holder.edgeSlot == .none {
            guard kept > 0 else { return }
            holder.edgeSlot = Slot(index: append(holder))
        }
        let index = holder.edgeSlot.index
        bytes += kept - entries[Int(index)].bytes
        entries[Int(index)].bytes = kept
        if kept == 0 {
            remove(index)
            holder.edgeSlot = .none
        }
    }

    /// Whether more is kept than may be.
    var isExceeded: Bool { bytes > bytesMax }

    /// Takes the oldest holder out of the account while too much is kept. The caller ends it.
    mutating func takeExcess() -> (any EdgeHolder)? {
        guard isExceeded, oldest >= 0 else { return nil }
        let index = oldest
        let holder = entries[Int(index)].holder
        bytes -= entries[Int(index)].bytes
        endedCount += 1
        remove(index)
        holder?.edgeSlot = .none
        return holder
    }

    private mutating func append(_ holder: any EdgeHolder) -> Int32 {
        let entry = Entry(holder: holder, bytes: 0, older: newest, newer: -1)
        let index: Int32
        if free >= 0 {
            index = free
            free = entries[Int(index)].newer
            entries[Int(index)] = entry
        } else {
            index = Int32(entries.count)
            entries.append(entry)
        }
        if newest >= 0 { entries[Int(newest)].newer = index } else { oldest = index }
        newest = index
        return index
    }

    private mutating func remove(_ index: Int32) {
        let entry = entries[Int(index)]
        if entry.older >= 0 { entries[Int(entry.older)].newer = entry.newer } else { oldest = entry.newer }
        if entry.newer >= 0 { entries[Int(entry.newer)].older = entry.older } else { newest = entry.older }
        entries[Int(index)] = Entry(holder: nil, bytes: 0, older: -1, newer: free)
        free = index
    }
}
