// `GET /{stage}/@replay` says where a playback stands, `POST` tells it what to do.

internal import NIOCore
internal import NIOHTTP1
internal import Reprise

extension Player {
    /// What a `POST` asks for.
    private struct Command {
        var isPaused: Bool?
        var speed: Double??
        var position: Position?
    }

    /// Why a `POST` is refused.
    private struct Refusal: Error {
        var reason: String
    }

    /// Performs a call. The future never fails, and completes on the player's loop.
    func perform(_ call: ManagementCall) -> EventLoopFuture<HTTPReply> {
        eventLoop.submit {
            switch call.method {
            case .GET, .HEAD: return self.status
            case .POST:
                do throws(Refusal) {
                    let command = try self.command(call.payload)
                    // Paused first and let go last: what is asked for at once happens at once.
                    if command.isPaused == true { self.setPaused(true) }
                    if let position = command.position { self.go(to: position) }
                    if let speed = command.speed { self.setSpeed(speed) }
                    if command.isPaused == false { self.setPaused(false) }
                    return self.status
                } catch {
                    return .error(.badRequest, "BadRequestException", error.reason)
                }
            default: return .error(.methodNotAllowed, "MethodNotAllowedException", "Method Not Allowed")
            }
        }.recover { .unavailable("\($0)") }
    }

    private var status: HTTPReply {
        var buffer = ByteBuffer()
        buffer.beginJSON()
        buffer.writeJSON("session", playback.session.id.rawValue)
        buffer.writeJSON("state", state.rawValue)
        if let failure { buffer.writeJSON("reason", failure) }
        buffer.writeJSONKey("paused")
        buffer.writeString(state == .paused ? "true" : "false")
        buffer.writeJSON("position", position.rawValue)
        if let time { buffer.writeJSON("time", time) }
        buffer.writeJSON("firstPosition", source.range.lowerBound.rawValue)
        buffer.writeJSON("lastPosition", source.range.upperBound.rawValue)
        if let speed { buffer.writeJSON("speed", speed) } else { buffer.writeJSON("speed", "max") }
        buffer.writeJSON("viewers", UInt64(viewers()))
        buffer.endJSON()
        return .json(.ok, String(buffer: buffer))
    }

    /// Reads `{"paused":true,"speed":4,"goto":"PLACE"}`; each member may be left out.
    private func command(_ body: ByteBuffer?) throws(Refusal) -> Command {
        var command = Command()
        do throws(EventJSONError) {
            var fields = try JSONFields(body ?? ByteBuffer())
            if fields.has("paused") {
                guard let isPaused = Bool(try fields.verbatim("paused")) else {
                    throw .invalid("paused", "true or false")
                }
                command.isPaused = isPaused
            }
            if fields.has("speed") {
                let text = try fields.verbatim("speed")
                if text == "\"max\"" {
                    command.speed = .some(nil)
                } else {
                    guard let speed = Double(text), speed > 0, speed.isFinite else {
                        throw .invalid("speed", "a number above 0, or \"max\"")
                    }
                    command.speed = speed
                }
            }
            if fields.has("goto") {
                // A position may be a number; no place needs an escape.
                let written = try fields.verbatim("goto")
                let text = written.hasPrefix("\"") ? written.dropFirst().dropLast() : written[...]
                do throws(PlaceError) {
                    let place = try Place(parsing: text)
                    command.position = try place.resolve(in: playback.log, now: wallClock(), as: .first)
                } catch {
                    throw .invalid("goto", "a place: \(error)")
                }
            }
            if let unknown = fields.leftOver { throw .unknownField(unknown, event: "paused, speed, goto") }
        } catch {
            throw Refusal(reason: error.description)
        }
        if let position = command.position, !source.range.contains(position) {
            throw Refusal(
                reason: "position \(position) is not played; \(source.range.lowerBound) to "
                    + "\(source.range.upperBound) are")
        }
        return command
    }
}
