internal import Synchronization

/// A shutdown that somebody wants to be over: asked for at any time, by any thread, answered once there is a drain to end.
package final class Hurry: Sendable {
    private struct State {
        var isAsked = false
        var action: (@Sendable () -> Void)?
    }
    private let state = Mutex(State())

    /// Nobody is in a hurry yet.
    package init() {}

    /// Asks for the end.
    package func ask() {
        let action = state.withLock { state in
            state.isAsked = true
            return state.action
        }
        action?()
    }

    /// Says what ends the drain. It is done at once when the end was asked for before.
    func whenAsked(_ action: @escaping @Sendable () -> Void) {
        let isAsked = state.withLock { state in
            state.action = action
            return state.isAsked
        }
        if isAsked { action() }
    }

    /// There is nothing left to end.
    func forget() { state.withLock { $0.action = nil } }
}
