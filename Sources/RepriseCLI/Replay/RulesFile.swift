internal import ArgumentParser
internal import Reprise
internal import RepriseServer

/// The part of a configuration file of `serve` that decides what becomes of messages.
enum RulesFile {
    /// Reads a file as `serve --config` would; what it does not say has its default. Environment variables have no part:
    /// two files would not differ where one is set.
    static func read(_ path: String) async throws -> MessageRules {
        let options = try ServeOptions.parse(["--config", path])
        let configuration = try await options.resolve(defaults: ServerConfiguration(), readsEnvironment: false)
        return MessageRules(
            configuration: configuration.engine, messageBytesMax: configuration.messageBytesMax,
            allowsBinary: configuration.allowsBinary)
    }
}
