"""The conformance checklist of ../shared/specs/aws-websocket-api.md, section 9. A test that shows a case begins with its
number: `pytest -m checklist -v` lists and runs them. What is not shown is here, with the reason."""

import pathlib
import re

HANDLERS = "needs Lambda or HTTP integrations, which Reprise does not have yet"
SIGNING = "needs request signing, which Reprise does not have yet"
AUTHORIZERS = "needs authorizers, API keys or deployment descriptors, which Reprise does not have yet"

NOT_SHOWN = {
    **dict.fromkeys([5, 6, 7, 8, 11, 12, 13, 14, 15, 16], HANDLERS),
    **dict.fromkeys([37, 39, 40, 41, 42, 43, 44, 45, 46], HANDLERS),
    **dict.fromkeys([48, 49], "needs the AWS SDKs for JavaScript, which come from npm; cases 47, 50 and 51 show the same calls"),
    **dict.fromkeys([59, 60, 61, 62, 63, 64, 65], SIGNING),
    **dict.fromkeys([78, 79, 80, 81, 82, 83, 84, 85], AUTHORIZERS),
}
CASES = range(1, 86)


def test_every_case_of_the_checklist_is_shown_or_says_why_not():
    sources = [path.read_text() for path in pathlib.Path(__file__).parent.glob("test_*.py")]
    numbers = [number for source in sources for number in re.findall(r"^def test_((?:\d+_)+)", source, re.M)]
    shown = {int(number) for group in numbers for number in group.strip("_").split("_")}
    assert not shown & set(NOT_SHOWN), "shown after all"
    assert shown | set(NOT_SHOWN) == set(CASES)
