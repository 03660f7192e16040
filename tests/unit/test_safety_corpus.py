"""The goals of the text rules, on the half of the corpus that nothing is tuned on."""

from pathlib import Path

import pytest

from adapters.moderation.policy import read_policy
from adapters.moderation.rulebook import Rulebook
from tests.support.safety_corpus import FAMILIES, STRANGERS, Outcome, false_alarms, half_of, judge, read_corpus, recall

LEAST_RECALL, MOST_FALSE_ALARMS = 0.95, 0.03
LANGUAGES = {"en", "es", "de", "fr", "zh", "ja"}


@pytest.fixture(scope="module")
def outcomes() -> list[Outcome]:
    """What the shipped policy says to every text."""
    return judge(Rulebook(read_policy()), read_corpus())


@pytest.mark.parametrize("half", ["tuning", "reporting"])
def test_harmful_texts_are_caught_and_titles_pass(outcomes: list[Outcome], half: str) -> None:
    """At least 95 % of the harmful texts are stopped, at most 3 % of the harmless ones, in both halves."""
    own = [outcome for outcome in outcomes if outcome.sample.half == half]
    assert recall(own) >= LEAST_RECALL
    assert false_alarms(own) <= MOST_FALSE_ALARMS


@pytest.mark.parametrize("path", STRANGERS, ids=lambda path: path.stem)
def test_the_texts_of_strangers_stay_caught_and_their_titles_pass(path: Path) -> None:
    """The same goals hold on texts by somebody who did not tune the rules, and none of them is in the corpus."""
    samples = read_corpus(path)
    outcomes = judge(Rulebook(read_policy()), samples)
    assert recall(outcomes) >= LEAST_RECALL
    assert false_alarms(outcomes) <= MOST_FALSE_ALARMS
    known = {sample.text for sample in read_corpus() if sample.expect != "allow"}
    assert not known & {sample.text for sample in samples}


def test_what_the_families_were_made_for_stays_caught() -> None:
    """Each text is decided at least as strictly as when its family was written, for the same reason."""
    outcomes = judge(Rulebook(read_policy()), read_corpus(FAMILIES))
    assert len(outcomes) >= 250
    lost = [o.sample.text for o in outcomes if not o.exact or o.sample.category not in o.categories]
    assert lost == []


def test_sexual_texts_with_minors_are_never_only_reviewed(outcomes: list[Outcome]) -> None:
    """What is caught of that category is blocked."""
    caught = [outcome for outcome in outcomes if "sexual_minors" in outcome.categories]
    assert caught
    assert {outcome.decision for outcome in caught if outcome.sample.category == "sexual_minors"} == {"block"}


def test_the_corpus_is_large_and_its_halves_are_fixed() -> None:
    """More than 300 different texts in six languages, harmful and harmless, about half of each kind to report on."""
    samples = read_corpus()
    assert len({sample.text for sample in samples}) == len(samples) >= 300
    for expect_allow in (True, False):
        kind = [sample for sample in samples if (sample.expect == "allow") == expect_allow]
        assert {sample.language for sample in kind} == LANGUAGES
        assert 0.4 < sum(sample.half == "reporting" for sample in kind) / len(kind) < 0.6
    assert (half_of("Nada"), half_of("Momo")) == ("reporting", "tuning")
