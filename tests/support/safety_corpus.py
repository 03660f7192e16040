"""How well the text rules do on the checked-in prompts and titles: `python -m tests.support.safety_corpus [--misses]`.

A text is *caught* when it is not allowed, *exact* when the decision is at least as strict as expected; a harmless text
that is not allowed is a *false alarm*. The half of a text is a hash of it, so nobody chooses.
"""

import hashlib
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Literal, NamedTuple

from adapters.moderation.policy import read_policy
from adapters.moderation.rulebook import Rulebook
from contracts.safety import TextPart

DATA = Path(__file__).parents[1] / "data"
CORPUS = DATA / "safety_corpus.toml"
STRANGERS = (DATA / "safety_strangers.toml", DATA / "safety_strangers_2.toml", DATA / "safety_strangers3.toml")
"""Texts by somebody who did not tune the rules; what they scored when first seen is told at the head of each."""
FAMILIES = DATA / "safety_families.toml"
"""Texts that the families of phrases were made for, in all six languages: examples, not a measure."""
SEVERITY = {"allow": 0, "review": 1, "block": 2}
ROUNDS = 20

Half = Literal["tuning", "reporting"]


class Sample(NamedTuple):
    """A text with what must happen to it."""

    text: str
    language: str
    expect: str
    category: str
    half: Half


class Outcome(NamedTuple):
    """What happened to a sample."""

    sample: Sample
    decision: str
    categories: frozenset[str]

    @property
    def caught(self) -> bool:
        """It is not allowed."""
        return self.decision != "allow"

    @property
    def exact(self) -> bool:
        """It was decided at least as strictly as expected."""
        return SEVERITY[self.decision] >= SEVERITY[self.sample.expect]


def half_of(text: str) -> Half:
    """The half that a text belongs to, for ever."""
    return "reporting" if hashlib.sha256(text.encode()).digest()[0] % 2 else "tuning"


def read_corpus(path: Path = CORPUS) -> list[Sample]:
    """All texts of the file."""
    groups = tomllib.loads(path.read_text(encoding="utf-8"))["group"]
    return [
        Sample(text, group["language"], group["expect"], group.get("category", "harmless"), half_of(text))
        for group in groups
        for text in group["texts"]
    ]


def judge(rulebook: Rulebook, samples: Iterable[Sample]) -> list[Outcome]:
    """Each sample as a prompt, by itself."""
    return [_judged(rulebook, sample) for sample in samples]


def _judged(rulebook: Rulebook, sample: Sample) -> Outcome:
    findings = rulebook.check([TextPart(field="prompt", text=sample.text)])
    decision = max((finding.decision for finding in findings), key=SEVERITY.__getitem__, default="allow")
    return Outcome(sample, decision, frozenset(finding.category for finding in findings))


def recall(outcomes: Iterable[Outcome]) -> float:
    """The share of harmful texts that are caught; 1 when there are none."""
    caught = [outcome.caught for outcome in outcomes if outcome.sample.expect != "allow"]
    return sum(caught) / len(caught) if caught else 1.0


def false_alarms(outcomes: Iterable[Outcome]) -> float:
    """The share of harmless texts that are not allowed; 0 when there are none."""
    caught = [outcome.caught for outcome in outcomes if outcome.sample.expect == "allow"]
    return sum(caught) / len(caught) if caught else 0.0


def table(outcomes: list[Outcome], key: Callable[[Sample], str]) -> list[str]:
    """Rows of a Markdown table, one for each value of `key`."""
    totals, caught, exact = (
        Counter(key(o.sample) for o in outcomes if keep(o))
        for keep in (lambda o: True, lambda o: o.caught, lambda o: o.caught and o.exact)
    )
    return [f"| {name} | {totals[name]} | {caught[name]} | {exact[name]} |" for name in sorted(totals)]


def milliseconds(rulebook: Rulebook, samples: list[Sample]) -> list[float]:
    """Processor time of each check, sorted: every sample 20 times, and within a prompt of some 400 characters."""
    taken = []
    for sample in samples * ROUNDS:
        for text in (sample.text, (sample.text + ", soft light, oil painting. ") * 8):
            begun = time.thread_time()
            rulebook.check([TextPart(field="prompt", text=text[:500])])
            taken.append((time.thread_time() - begun) * 1000)
    return sorted(taken)


def report(rulebook: Rulebook, samples: list[Sample]) -> str:
    """The whole report as Markdown."""
    lines = []
    for half in ("tuning", "reporting"):
        lines += section(half, judge(rulebook, [sample for sample in samples if sample.half == half]))
    for path in STRANGERS:
        lines += section(f"{path.stem}, a seen set by now", judge(rulebook, read_corpus(path)))
    taken = milliseconds(rulebook, samples)
    middle, last = taken[len(taken) // 2], taken[len(taken) * 99 // 100]
    return "\n".join([*lines, f"processor time: median {middle:.2f} ms, p99 {last:.2f} ms, most {taken[-1]:.2f} ms"])


def section(name: str, outcomes: list[Outcome]) -> list[str]:
    """The figures of one set."""
    harmful = [outcome for outcome in outcomes if outcome.sample.expect != "allow"]
    harmless = [outcome for outcome in outcomes if outcome.sample.expect == "allow"]
    strict = sum(outcome.exact for outcome in harmful) / len(harmful)
    return [
        f"## {name}: {len(harmful)} harmful, {len(harmless)} harmless",
        f"recall {recall(outcomes):.1%}, of full strictness {strict:.1%}",
        f"false alarms {false_alarms(outcomes):.1%}",
        "| harmful, by category | texts | caught | as strictly as expected |\n|---|---|---|---|",
        *table(harmful, lambda sample: sample.category),
        "| harmful, by language | texts | caught | as strictly as expected |\n|---|---|---|---|",
        *table(harmful, lambda sample: sample.language),
        "| harmless, by language | texts | not allowed | |\n|---|---|---|---|",
        *table(harmless, lambda sample: sample.language),
    ]


def misses(rulebook: Rulebook, samples: list[Sample]) -> Iterable[str]:
    """What went wrong in the tuning half; never of the other, so that nobody tunes on it by accident."""
    for outcome in judge(rulebook, [sample for sample in samples if sample.half == "tuning"]):
        sample = outcome.sample
        wrong = outcome.caught if sample.expect == "allow" else not outcome.exact
        if wrong or (sample.expect != "allow" and sample.category not in outcome.categories):
            found = f"{outcome.decision} {sorted(outcome.categories)}"
            yield f"{sample.language} {sample.expect} {sample.category}: {sample.text} -> {found}"


if __name__ == "__main__":
    shipped, everything = Rulebook(read_policy()), read_corpus()
    told = "\n".join(misses(shipped, everything)) if "--misses" in sys.argv else report(shipped, everything)
    sys.stdout.write(told + "\n")
