import Testing

@testable import RepriseLoad

@Suite("Markup")
struct MarkupTests {
    @Test("Text that is put into markup is escaped, markup is not")
    func escaping() {
        let text = "<b a='1' c=\"2\">&amp;"
        let markup: Markup = "<td>\(text)\("<i/>" as Markup)</td>"
        #expect(markup.source == "<td>&lt;b a=&#39;1&#39; c=&quot;2&quot;&gt;&amp;amp;<i/></td>")
    }

    @Test("Control characters cannot be written in HTML and are replaced")
    func control() {
        #expect(Markup(text: "a\0b\u{1B}c\td\u{85}").source == "a\u{FFFD}b\u{FFFD}c\td\u{FFFD}")
    }

    @Test("A combining character does not hide what it combines with")
    func combining() {
        #expect(Markup(text: "<\u{301}script>").source == "&lt;\u{301}script&gt;")
    }

    @Test("Coordinates have one decimal, and none if it is 0")
    func coordinates() {
        #expect(("\(1.25) \(3.0) \(0.04)" as Markup).source == "1.3 3 0")
    }
}
