// swift-tools-version: 6.2

import PackageDescription

let package = Package(
    name: "reprise",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "reprise", targets: ["RepriseCLI"]),
        .library(name: "Reprise", targets: ["Reprise"]),
    ],
    dependencies: [
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        // Exactly this one: its BoringSSL is used directly (RepriseTLS), and is no product that promises to stay as it is.
        .package(url: "https://github.com/apple/swift-nio-ssl", exact: "2.37.6"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        // Law: nothing but C.
        .systemLibrary(name: "CLMDB", pkgConfig: "lmdb", providers: [.apt(["liblmdb-dev"])]),

        // Law: the only importer of CLMDB; knows bytes, not events.
        .target(name: "LMDB", dependencies: ["CLMDB"]),

        // Law: no sockets, no threads; clock and randomness are given.
        .target(
            name: "Reprise",
            dependencies: ["LMDB", .product(name: "NIOCore", package: "swift-nio")]
        ),

        // Law: the only importer of CNIOBoringSSL, which comes with NIOSSL; no sockets, no threads.
        .target(
            name: "RepriseTLS",
            dependencies: [
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ]
        ),

        // Law: the only sockets.
        .target(
            name: "RepriseServer",
            dependencies: [
                "CLinux", "Reprise", "RepriseTLS",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOWebSocket", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]
        ),

        // Law: nothing but C.
        .systemLibrary(name: "CLinux"),

        // The load generator: a client, so it opens sockets, but it shares nothing with the server that it measures but the
        // library for TLS.
        .target(
            name: "RepriseLoad",
            dependencies: [
                "CLinux",
                .product(name: "Histogram", package: "hdrhistogram-swift"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ]
        ),

        // Law: never a dependency of a product.
        .target(
            name: "RepriseTesting",
            dependencies: [
                "LMDB", "Reprise", "RepriseServer", "RepriseTLS",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
            ]
        ),

        // The fuzzers as a program; never in a product that people install.
        .systemLibrary(name: "CLibFuzzer"),
        .executableTarget(
            name: "RepriseFuzz",
            dependencies: ["CLibFuzzer", "RepriseTesting", .product(name: "NIOCore", package: "swift-nio")]
        ),

        // Law: nothing but C; takes the place of the C library's calls, so only a program of its own may have it.
        .target(name: "CSimulatedKernel"),

        // The whole server on simulated loops, sockets and a simulated disk; never in a product that people install.
        .executableTarget(
            name: "RepriseSimulation",
            dependencies: [
                "CSimulatedKernel", "LMDB", "Reprise", "RepriseServer", "RepriseTesting",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
            ]
        ),

        // Law: the only ArgumentParser.
        .executableTarget(
            name: "RepriseCLI",
            dependencies: [
                "LMDB", "Reprise", "RepriseServer", "RepriseLoad",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "Yams", package: "Yams"),
            ]
        ),

        .testTarget(
            name: "RepriseTestingTests",
            dependencies: ["RepriseTesting", .product(name: "NIOCore", package: "swift-nio")]
        ),
        .testTarget(name: "LMDBTests", dependencies: ["LMDB", "RepriseTesting"]),
        .testTarget(
            name: "RepriseTLSTests",
            dependencies: ["RepriseTesting", "RepriseTLS", .product(name: "NIOCore", package: "swift-nio")]
        ),
        .testTarget(
            name: "RepriseTests",
            dependencies: ["LMDB", "Reprise", "RepriseTesting", .product(name: "NIOCore", package: "swift-nio")],
            resources: [.copy("Golden")]
        ),
        .testTarget(
            name: "RepriseLoadTests",
            dependencies: [
                "RepriseLoad",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ]
        ),
        .testTarget(
            name: "RepriseServerTests",
            dependencies: [
                "Reprise", "RepriseServer", "RepriseTLS", "RepriseTesting",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]
        ),
    ],
    swiftLanguageModes: [.v6]
)

// Names of targets that are left out, with a blank between them: a build for some tests need not have the others. And under the
// thread sanitizer the compiler (6.3.1) makes invalid code of the load generator's unshared buffers and crashes.
if let left = Context.environment["REPRISE_WITHOUT"]?.split(separator: " ").map(String.init) {
    package.targets.removeAll { left.contains($0.name) }
    package.products.removeAll { $0.name == "reprise" && left.contains("RepriseCLI") }
}

// One place for the strictness of every target.
for target in package.targets where target.type != .system {
    target.swiftSettings = [
        .strictMemorySafety(),
        .treatAllWarnings(as: .error),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    ]
}
