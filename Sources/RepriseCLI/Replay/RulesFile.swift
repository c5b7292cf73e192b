internal import ArgumentParser
internal import Reprise
internal import RepriseServer

/// The part of a configuration file of `serve` that decides what becomes of messages.
enum RulesFile {
    /// Reads the rules, as `serve --config` would; what the file does not say has its default.
    static func read(_ path: String) throws -> MessageRules {
        let configuration = try configuration(path)
        return MessageRules(
            configuration: configuration.engine, messageBytesMax: configuration.messageBytesMax,
            allowsBinary: configuration.allowsBinary)
    }

    /// Reads the routes alone.
    static func routes(_ path: String) throws -> RouteTable { try configuration(path).engine.routes }

    /// Environment variables have no part: two files would not differ where one is set.
    private static func configuration(_ path: String) throws -> ServerConfiguration {
        try ServeOptions.parse(["--config=\(path)"]).resolve(defaults: ServerConfiguration(), readsEnvironment: false)
    }
}
