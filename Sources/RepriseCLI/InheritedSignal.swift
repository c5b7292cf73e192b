internal import Glibc

/// How whoever started the process wants a signal to be taken.
enum InheritedSignal {
    /// Whether a signal is to have no effect: `nohup` ignores SIGHUP, so that a terminal which closes ends nothing, and a shell
    /// without job control ignores SIGINT for what runs in the background. Ask before anything takes the signal.
    static func isIgnored(_ number: Int32) -> Bool {
        var action = sigaction()
        guard unsafe sigaction(number, nil, &action) == 0 else { return false }
        return unsafe unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == 1  // SIG_IGN
    }
}
