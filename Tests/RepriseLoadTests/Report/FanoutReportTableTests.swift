import Testing

@testable import RepriseLoad

@Suite("The report at a terminal")
struct FanoutReportTableTests {
    @Test("The table lines up, scales its units and ends with the verdict")
    func table() {
        var report = FanoutReport.example(label: "floor")
        report.cpuNanosecondsPerDelivery = 135.4
        report.serverCPUSeconds = 2.7
        report.serverResidentBytesPeak = 49_597_645
        report.generatorCPUShare = 0.678
        report.connectSeconds = 0.25
        report.connectsPerSecond = 4000
        report.durability = "always"
        #expect(
            report.description == """
                floor: 1 000 clients, window 64, 64 B

                  deliveries  2.00 M/s over 3.0 s, 6 000 messages
                  verified    6 000 000 of 6 000 000 deliveries, 0 messages
                  server      135 ns CPU a delivery; 90.0 % of a CPU; memory 47.3 MiB at most
                  generator   67.8 % of a CPU, starved 0.0 %
                  connecting  1 000 in 250 ms, 4.00 k/s
                  origin      durability always, seed 0

                  latency                 p50      p90      p99    p99.9      max     mean
                  to the last client  15.0 µs  19.0 µs  19.9 µs  20.0 µs  20.0 µs  15.0 µs
                  to each client      15.0 µs  19.0 µs  19.9 µs  20.0 µs  20.0 µs  15.0 µs

                VALID
                """)
    }

    @Test("A run without latencies has dashes, and the rules that failed follow the verdict")
    func nothing() {
        let lines = FanoutReport.nothing.description.split(separator: "\n")
        #expect(lines.suffix(2) == ["INVALID", "  Nothing was delivered in the measured time."])
        #expect(lines.contains { $0.hasPrefix("  to each client") && $0.count(where: { $0 == "-" }) == 6 })
    }

    @Test("Several runs are a line each; series have names and ratios")
    func comparison() {
        let text = FanoutReport.comparisonTable([
            .example(label: "floor", deliveriesPerSecond: 4_000_000), FanoutReport.example(label: "ours").broken("r"),
        ])
        #expect(
            text == """
                series  clients  mode       payload  deliveries/s  to floor      p50      p99    p99.9      max  server CPU  verdict
                floor     1 000  window 64     64 B        4.00 M    1.00 ×  15.0 µs  19.9 µs  20.0 µs  20.0 µs           -  VALID
                ours      1 000  window 64     64 B        2.00 M    0.50 ×  15.0 µs  19.9 µs  20.0 µs  20.0 µs           -  INVALID
                """)
        let plain = FanoutReport.comparisonTable([.example(clients: 10), .example()])
        #expect(plain.hasPrefix("clients  mode") && !plain.contains("×"))
        #expect(FanoutReport.comparisonTable([]).isEmpty)
    }
}
