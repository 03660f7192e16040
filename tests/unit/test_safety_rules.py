"""The built-in rules on texts: prompts and real titles, disguises, spans, context and speed."""

import time
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.moderation.folding import Folding
from adapters.moderation.lattice import readings
from adapters.moderation.patterns import iban, luhn, phone
from adapters.moderation.phrases import expand
from adapters.moderation.policy import read_policy
from adapters.moderation.rulebook import MOST_FINDINGS, Rulebook
from contracts.safety import Finding, TextPart

DATA = Path(__file__).parents[1] / "data" / "safety_texts.toml"
SEVERITY = {"allow": 0, "review": 1, "block": 2}


def examples() -> list[Any]:
    """One parameter set per text of the data file: decision, field, category, text."""
    data = tomllib.loads(DATA.read_text(encoding="utf-8"))
    return [
        pytest.param(decision, group["field"], group.get("category"), text, id=f"{decision}-{text[:40]}")
        for decision, groups in data.items()
        for group in groups
        for text in group["texts"]
    ]


@pytest.fixture(scope="module")
def rulebook() -> Rulebook:
    """The policy that is shipped."""
    return Rulebook(read_policy())


def check(rulebook: Rulebook, text: str, field: str = "prompt") -> tuple[Finding, ...]:
    """The findings on one text."""
    return rulebook.check([TextPart(field=field, text=text)])


def decision(findings: tuple[Finding, ...]) -> str:
    """The strictest decision."""
    return max((finding.decision for finding in findings), key=SEVERITY.__getitem__, default="allow")


@pytest.mark.parametrize(("expected", "field", "category", "text"), examples())
def test_examples_get_the_decision_they_should(
    rulebook: Rulebook, expected: str, field: str, category: str | None, text: str
) -> None:
    """Every checked-in prompt, title and author is judged as the data file says, for the reason it says."""
    findings = check(rulebook, text, field)
    assert decision(findings) == expected, findings
    strictest = {finding.category for finding in findings if finding.decision == expected}
    assert category in strictest if category else not findings


def test_there_are_enough_examples_of_each_kind() -> None:
    """The data file keeps both what must pass and what must not."""
    decisions = [parameters.values[0] for parameters in examples()]
    assert len(decisions) >= 120
    assert decisions.count("allow") >= 60
    assert decisions.count("block") >= 50


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("see: sieg heil!", "sieg heil"),
        ("oh s\u200bie\u00adg   h\u200bеil.", "s\u200bie\u00adg   h\u200bеil"),
        ("ｓｉｅｇ ｈｅｉｌ", "ｓｉｅｇ ｈｅｉｌ"),
        ("é é é s.i.e.g h.e.i.l", "s.i.e.g h.e.i.l"),
        ("ﬁne, 51eg h3il", "51eg h3il"),
        ("这里 希特勒万岁！", "希特勒万岁"),
    ],
)
def test_a_finding_points_at_the_original_characters(rulebook: Rulebook, text: str, span: str) -> None:
    """Whatever was undone to read it, the span is that of the text as it was sent."""
    (finding,) = check(rulebook, text)
    assert text[finding.start : finding.end] == span


def test_words_may_be_near_each_other_across_fields(rulebook: Rulebook) -> None:
    """What is harmless in each field alone is found in both, and both are named."""
    parts = [TextPart(field="title", text="Little girl"), TextPart(field="prompt", text="naked on a bed")]
    findings = rulebook.check(parts)
    assert {(f.field, f.category, f.decision) for f in findings} >= {
        ("title", "sexual_minors", "block"),
        ("prompt", "sexual_minors", "block"),
    }


def test_phrases_do_not_cross_fields(rulebook: Rulebook) -> None:
    """The end of one field and the beginning of the next are no phrase."""
    parts = [TextPart(field="title", text="Sieg"), TextPart(field="author", text="Heil")]
    assert rulebook.check(parts) == ()


def test_a_title_excuses_only_itself(rulebook: Rulebook) -> None:
    """Words behind a known title count as ever."""
    assert decision(check(rulebook, "The Vagina Monologues")) == "allow"
    assert decision(check(rulebook, "The Vagina Monologues, hardcore porn")) == "block"


def test_context_softens_hate_but_never_sexual_content_with_minors(rulebook: Rulebook) -> None:
    """A book on history is looked at by a person; no context excuses the other."""
    assert decision(check(rulebook, "How they came to shout Juden raus: a history of the Holocaust")) == "review"
    assert decision(check(rulebook, "naked child, a history, a memoir, critical edition, prevention")) == "block"


@pytest.mark.parametrize("wrapper", ["{}", "({})", "“{}”", "{}!!!", "a {}, b", "\n{}\n", "—{}—", "{}'s", "#{}"])
def test_punctuation_around_a_phrase_hides_nothing(rulebook: Rulebook, wrapper: str) -> None:
    """Quotes, brackets, dashes and line ends are no disguise."""
    assert decision(check(rulebook, wrapper.format("child porn"))) == "block"


@pytest.mark.parametrize("text", ["Essex", "Scunthorpe", "assassin", "cocktail", "Dickens", "Hancock", "analysis"])
def test_a_bad_word_inside_a_good_one_is_not_found(rulebook: Rulebook, text: str) -> None:
    """Only whole words count."""
    assert check(rulebook, text) == ()


@given(st.text(max_size=300))
def test_any_text_can_be_checked_and_spans_lie_inside(text: str) -> None:
    """No text breaks the folding, and every folded character comes from one of the original."""
    folded = Folding({"а": "a"}).fold(text)
    assert len(folded.text) == len(folded.origin)
    assert all(0 <= folded.origin[i] < len(text) for i in range(len(folded.text)))
    assert list(folded.origin) == sorted(folded.origin)


@given(st.text(alphabet="sexnudchil 10.*@é裸少女\u200b", max_size=200))
def test_findings_lie_inside_the_text(rulebook: Rulebook, text: str) -> None:
    """Spans are never empty and never outside, whatever the disguise."""
    for finding in check(rulebook, text):
        assert 0 <= finding.start < finding.end <= len(text)


def test_the_number_of_findings_is_bounded(rulebook: Rulebook) -> None:
    """A text made of bad words gives at most 50 findings."""
    findings = check(rulebook, "nude. " * 600)
    assert len(findings) == MOST_FINDINGS


@pytest.mark.parametrize(
    ("check_of", "good", "bad"),
    [
        (luhn, "5500 0000 0000 0004", "5500 0000 0000 0005"),
        (luhn, "4111111111111111", "0000000000000000"),
        (iban, "GB82 WEST 1234 5698 7654 32", "GB82 WEST 1234 5698 7654 33"),
        (phone, "+44 20 7946 0958", "1939 - 1945"),
        (phone, "(415) 555-0132", "978-0-306-40615-7"),
    ],
)
def test_numbers_are_checked_and_not_only_counted(check_of: Any, good: str, bad: str) -> None:
    """Cards and accounts have check digits; an ISBN and a span of years are no telephone."""
    assert check_of(good)
    assert not check_of(bad)


def test_readings_and_patterns_of_phrases() -> None:
    """The small languages of the data files and of disguises mean what their comments say."""
    assert expand("a{,s} {8..10}") == ["a 8", "a 9", "a 10", "as 8", "as 9", "as 10"]
    assert readings("plain") == ("plain",)
    assert "porn" in readings("p0rn")
    assert "porn" in readings("pooorn")
    assert "porn" in readings("p*rn!!")
    assert readings("1984") == ("1984",)


PROSE = (
    "A young detective returns to the coastal town where her sister vanished, and finds a lighthouse whose keeper "
    "remembers everything. Oil painting, warm light, heavy clouds, a single red boat; naked branches, an old house. "
)


@pytest.mark.parametrize(
    "text",
    [
        PROSE * 9,
        ("Café à l’été, " * 200),
        "s e x y " * 250,
        "p0rn n@ked ch1ld " * 118,
        "裸体少女的历史" * 286,
        "a.b-c_d'" * 250,
        "aaa*b*" * 333,
    ],
    ids=["prose", "accents", "spelled", "leet", "chinese", "joined", "stars"],
)
def test_two_thousand_characters_take_milliseconds(rulebook: Rulebook, text: str) -> None:
    """Nothing a client can send makes a check slow: the median of 2000 characters take less than 25 ms of processor.

    The promise itself (99 of 100 within 5 ms for prose) is measured by the benches, alone on the machine.
    """
    parts = [TextPart(field="prompt", text=text[:2000])]
    rulebook.check(parts)
    times = []
    for _ in range(9):
        begun = time.thread_time()
        rulebook.check(parts)
        times.append(time.thread_time() - begun)
    assert sorted(times)[4] < 0.025
