/// What this build calls itself; recorded in every session.
public enum BuildInfo {
    /// The version.
    public static let version = "0.1.0"
}
