/// Who sent what and when, and in which order the server broadcast it.
///
/// Two rings of `capacity` entries: by *number* (the order of sending) the time, by *place* (the order of the common
/// stream) the number and the offset behind the frame. A place is checked when it is appended: every sender's
/// sequence must be gapless.
struct MessageLedger: Sendable {
    /// What appending to the order found.
    enum Outcome: Equatable {
        /// The next of its sender: it has the next place.
        case inOrder
        /// The sender's `missing` messages before it have not come.
        case gap(missing: Int)
        /// It, or a later one of its sender, came before.
        case repeated
        /// Nobody has sent it yet.
        case unsent
    }

    private struct Place {
        var number: Int
        var end: Int
    }

    let capacity: Int
    private let text: MessageText
    private var startedAt: [Int]
    private var places: [Place]
    private var nextSequence: [Int]
    /// Messages sent, which is the next number.
    private(set) var sent = 0
    /// Messages that have a place, which is the next place.
    private(set) var ordered = 0
    /// The last look-up: most clients stand where the one before them stands.
    private var cachedOffset = -1
    private var cachedPlace = 0

    init(text: MessageText, capacity: Int) {
        precondition(capacity.nonzeroBitCount == 1, "capacity \(capacity) is no power of two")
        self.text = text
        self.capacity = capacity
        startedAt = Array(repeating: 0, count: capacity)
        places = Array(repeating: Place(number: 0, end: 0), count: capacity)
        nextSequence = Array(repeating: 0, count: text.senders)
    }

    /// Notes that the next message is being sent, at `time` (its intended time in open loop), and returns its number.
    mutating func send(at time: Int) -> Int {
        startedAt[sent & (capacity - 1)] = time
        sent += 1
        return sent - 1
    }

    /// When a message was (to be) sent.
    ///
    /// - Precondition: at most `capacity` messages were sent since.
    func startTime(ofNumber number: Int) -> Int {
        precondition(number < sent && number >= sent - capacity, "message \(number) is not kept")
        return startedAt[number & (capacity - 1)]
    }

    /// Gives the message the next place if it is the next of its sender.
    ///
    /// - Parameters:
    ///   - number: the message.
    ///   - end: the offset behind its frame in the common stream.
    mutating func order(_ number: Int, end: Int) -> Outcome {
        guard number < sent else { return .unsent }
        let sender = text.sender(of: number)
        let sequence = text.sequence(of: number)
        guard sequence >= nextSequence[sender] else { return .repeated }
        guard sequence == nextSequence[sender] else { return .gap(missing: sequence - nextSequence[sender]) }
        nextSequence[sender] += 1
        places[ordered & (capacity - 1)] = Place(number: number, end: end)
        ordered += 1
        return .inOrder
    }

    /// The message at a place.
    func number(atPlace place: Int) -> Int {
        precondition(place < ordered && place >= ordered - capacity, "place \(place) is not kept")
        return places[place & (capacity - 1)].number
    }

    /// Offset of the first byte of the frame at a place; of the stream's end for the place that comes next.
    func start(ofPlace place: Int) -> Int {
        if place == 0 { return 0 }
        precondition(place <= ordered && place > ordered - capacity, "place \(place) is not kept")
        return places[(place - 1) & (capacity - 1)].end
    }

    /// Messages that end at or before an offset.
    ///
    /// - Parameter place: a place known to be at or before the answer.
    /// - Complexity: O(1) when the last question had the same offset, else O(log messages between).
    @inline(__always)
    mutating func places(before offset: Int, from place: Int) -> Int {
        if offset == cachedOffset { return cachedPlace }
        var low = place
        var high = ordered
        while low < high {
            let middle = (low &+ high) >> 1
            if places[middle & (capacity &- 1)].end <= offset { low = middle &+ 1 } else { high = middle }
        }
        cachedOffset = offset
        cachedPlace = low
        return low
    }

    /// The place of a message, or nil if it has none (yet) or is not kept any more.
    ///
    /// - Complexity: O(places kept), from the newest; for clients that join.
    func place(ofNumber number: Int) -> Int? {
        for place in stride(from: ordered - 1, through: max(0, ordered - capacity), by: -1)
        where places[place & (capacity - 1)].number == number {
            return place
        }
        return nil
    }

    /// Every sender's next sequence for a client that has received all places before `place`.
    ///
    /// - Complexity: O(places after it); for clients whose stream differs.
    func nextSequences(atPlace place: Int) -> [Int] {
        var next = nextSequence
        for later in stride(from: ordered - 1, through: place, by: -1) {
            let number = number(atPlace: later)
            next[text.sender(of: number)] = text.sequence(of: number)
        }
        return next
    }

    /// How many messages a sender has sent.
    func sentCount(ofSender sender: Int) -> Int {
        (sent - sender + text.senders - 1) / text.senders
    }
}
