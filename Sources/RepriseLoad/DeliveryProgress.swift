/// How far the receiving clients are: which messages every one of them has.
///
/// A ring counts, for each place, the clients that have received exactly the messages before it. Moving a client is two
/// additions; the slowest client's place follows by walking over empty slots. So a read costs O(1), whatever the number
/// of clients.
struct DeliveryProgress: ~Copyable {
    private let clientsAt: FixedBuffer<Int32>
    private let mask: Int
    /// Clients that are counted.
    private(set) var members = 0
    /// Every member has received all messages before this place; it never goes back.
    private(set) var finished = 0

    /// - Parameter capacity: a power of two above the furthest distance between two members.
    init(capacity: Int) {
        precondition(capacity.nonzeroBitCount == 1, "capacity \(capacity) is no power of two")
        clientsAt = FixedBuffer(repeating: 0, count: capacity)
        mask = capacity - 1
    }

    /// Adds a client that has all messages before `place`.
    ///
    /// - Precondition: `place` is not before `finished`.
    mutating func join(at place: Int) {
        precondition(place >= finished && place - finished <= mask, "place \(place), finished \(finished)")
        if members == 0 { finished = place }
        members += 1
        clientsAt[place & mask] += 1
    }

    /// Takes a client out that stands at `place`.
    mutating func leave(from place: Int) {
        clientsAt[place & mask] -= 1
        members -= 1
        settle()
    }

    /// Moves a client forward.
    @inline(__always)
    mutating func move(from place: Int, to next: Int) {
        clientsAt[place & mask] &-= 1
        clientsAt[next & mask] &+= 1
        if place == finished { settle() }
    }

    private mutating func settle() {
        guard members > 0 else { return }
        while clientsAt[finished & mask] == 0 { finished &+= 1 }
    }
}
