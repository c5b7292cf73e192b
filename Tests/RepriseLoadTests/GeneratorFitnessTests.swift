import Testing

@testable import RepriseLoad

@Suite struct GeneratorFitnessTests {
    @Test func `a generator with time to spare breaks no rule and needs no note`() {
        let fitness = GeneratorFitness(messages: 1000, lateSends: 10, cpuShare: 0.9, starvedShare: 0.1)
        #expect(fitness.failedRules == [])
        #expect(fitness.notes == [])
    }

    @Test func `a starved generator is not valid`() {
        let fitness = GeneratorFitness(messages: 1000, cpuShare: 0.5, starvedShare: 0.11)
        #expect(fitness.failedRules == ["The generator was without a CPU in 11 % of the time: it was starved."])
    }

    @Test func `late sends are not valid, and a full CPU is named as their cause`() {
        var fitness = GeneratorFitness(messages: 1000, lateSends: 11, cpuShare: 0.5)
        #expect(fitness.failedRules == ["11 of 1000 messages left more than 5 ms after their intended time."])
        fitness.cpuShare = 0.99
        #expect(fitness.failedRules.count == 1 && fitness.failedRules[0].hasSuffix("the generator was the limit."))
    }

    @Test func `a full CPU alone is a note`() {
        let fitness = GeneratorFitness(messages: 1000, cpuShare: 0.99)
        #expect(fitness.failedRules == [])
        #expect(fitness.notes.count == 1)
    }
}
