// swift-tools-version: 6.1

import PackageDescription

// A package of its own, so that nothing of it reaches users.
//   tools/count                                                 counts, and checks them against Thresholds.json
//   swift package --package-path Benchmarks benchmark                times, for people
let package = Package(
    name: "Benchmarks",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(name: "reprise", path: ".."),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        // Without its traits: they bring interposers in packages that this project's machines cannot reach.
        .package(url: "https://github.com/ordo-one/benchmark", from: "1.38.1", traits: []),
    ],
    targets: [
        // Law: nothing but C.
        .target(name: "CMeasure"),

        .target(
            name: "EngineCases",
            dependencies: [
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "Reprise", package: "reprise"),
            ]
        ),

        .executableTarget(name: "Count", dependencies: ["CMeasure", "EngineCases"]),

        .executableTarget(
            name: "Timed",
            dependencies: ["CMeasure", "EngineCases", .product(name: "Benchmark", package: "benchmark")],
            path: "Benchmarks/Timed",
            plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")]
        ),
    ],
    swiftLanguageModes: [.v6]
)
