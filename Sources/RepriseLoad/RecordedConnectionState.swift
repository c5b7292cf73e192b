/// Where a recorded connection stands that is opened once more.
enum RecordedConnectionState: Equatable {
    case unopened
    /// The TCP connect is under way.
    case connecting
    /// The answer to the upgrade has not come.
    case upgrading
    case open
    /// It is ended, and the server's Close has not come.
    case closing
    case closed
}
