"""The rules applied to the texts of one request: what is found, of which category, and where.

Rules find words, not meanings: they stop what is plainly not wanted and flag what a person should look at. A model that
judges meaning can be asked beside them; neither makes the other superfluous.
"""

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence

from adapters.moderation.folding import Folding
from adapters.moderation.lattice import Lattice
from adapters.moderation.patterns import CHECKS
from adapters.moderation.phrases import Occurrence, Phrases, expand
from adapters.moderation.policy import MASK, Policy, Rule
from contracts.safety import Finding, TextPart

MOST_FINDINGS = 50
_COMPATIBLE = re.compile("[\u2000-\u206f\u2460-\u24ff\ufe00-\uffef\U0001d400-\U0001d7ff]")
"""Blocks with other forms of ASCII characters: spaces, circled, full-width and mathematical ones."""
_SEVERITY = {"allow": 0, "review": 1, "block": 2}

Match = tuple[Occurrence, ...]
Found = dict[str, list[Occurrence]]


class Rulebook:
    """A policy made ready for use. Reading it takes some 300 ms; checking 2000 characters two or three."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._folding = Folding(policy.lookalikes)
        self._patterns = [(re.compile(pattern.pattern), pattern) for pattern in policy.patterns]
        self._phrases = Phrases()
        for name, phrases in policy.lists.items():
            for phrase in phrases:
                for form in expand(phrase):
                    self._phrases.add(name, self._folding.fold(form).text)

    def check(self, parts: Sequence[TextPart]) -> tuple[Finding, ...]:
        """All findings, the strictest first, at most 50. Words may be near each other across parts."""
        lattice = Lattice(self._phrases.vocabulary)
        for number, part in enumerate(parts):
            lattice.add(number, self._folding.fold(part.text))
        found = _by_list(self._phrases.find(lattice))
        findings = [
            finding
            for rule in self._policy.rules
            for match in _matches(rule, found)
            for finding in _findings(rule, match, found, lattice, parts)
        ]
        for part in parts:
            findings.extend(self._pattern_findings(part))
        return _strictest(findings)

    def _pattern_findings(self, part: TextPart) -> Iterable[Finding]:
        text = part.text
        plain = text if text.isascii() else _same_length(text)
        for expression, pattern in self._patterns:
            for match in expression.finditer(plain):
                if CHECKS[pattern.check](match[0]):
                    yield Finding(
                        category=pattern.category,
                        field=part.field,
                        start=match.start(),
                        end=match.end(),
                        decision=pattern.decision,
                    )


def _same_length(text: str) -> str:
    """Compatibility forms of single characters undone, where that keeps positions."""
    return _COMPATIBLE.sub(_plain, text)


def _plain(match: re.Match[str]) -> str:
    normal = unicodedata.normalize("NFKC", match[0])
    return normal if len(normal) == 1 else match[0]


def _by_list(occurrences: list[Occurrence]) -> Found:
    """Occurrences by list, without those that lie inside a phrase that is always fine."""
    masks = [(o.start, o.end) for o in occurrences if o.label == MASK]
    masked = {position for start, end in masks for position in range(start, end)}
    found: Found = {}
    for occurrence in occurrences:
        inside = occurrence.start in masked and any(a <= occurrence.start and occurrence.end <= b for a, b in masks)
        if not inside:
            found.setdefault(occurrence.label, []).append(occurrence)
    return found


def _matches(rule: Rule, found: Found) -> Iterable[Match]:
    for name in rule.phrases:
        yield from ((occurrence,) for occurrence in found.get(name, ())[:MOST_FINDINGS])
    if rule.near:
        yield from _near(rule, found)


def _near(rule: Rule, found: Found) -> Iterable[Match]:
    """For each phrase of the rule's first group, the nearest of every other group, when all are near enough."""
    groups = [[o for name in entry.split("|") for o in found.get(name, ())] for entry in rule.near]
    if not all(groups):
        return
    others = [_Nearest(group) for group in groups[1:]]
    made = 0
    for anchor in groups[0]:
        nearest = [other.to(anchor, rule.within) for other in others]
        complete = [occurrence for occurrence in nearest if occurrence is not None]
        if len(complete) == len(others):
            yield (anchor, *complete)
            made += 1
        if made == MOST_FINDINGS:
            return


class _Nearest:
    """Finds the occurrence nearest to another one without looking at all of them."""

    def __init__(self, group: list[Occurrence]) -> None:
        self._by_start = sorted(group, key=lambda o: (o.start, o.end))
        self._by_end = sorted(group, key=lambda o: (o.end, o.start))
        self._starts = [o.start for o in self._by_start]
        self._ends = [o.end for o in self._by_end]

    def to(self, anchor: Occurrence, within: int) -> Occurrence | None:
        """The nearest that does not overlap `anchor`, with at most `within` - 1 words between; None: there is none."""
        after = bisect_left(self._starts, anchor.end)
        before = bisect_right(self._ends, anchor.start) - 1
        distances: list[tuple[int, Occurrence]] = []
        if after < len(self._starts):
            distances.append((self._starts[after] - anchor.end, self._by_start[after]))
        if before >= 0:
            distances.append((anchor.start - self._ends[before], self._by_end[before]))
        distance, nearest = min(distances, key=lambda pair: pair[0], default=(within, anchor))
        return nearest if distance < within else None


def _findings(rule: Rule, match: Match, found: Found, lattice: Lattice, parts: Sequence[TextPart]) -> Iterable[Finding]:
    """One finding per field that the match touches, from its first to its last word there."""
    softened = any(name in found for name in rule.unless)
    decision = rule.otherwise if softened else rule.decision
    by_part: dict[int, list[Occurrence]] = {}
    for occurrence in match:
        by_part.setdefault(lattice.parts[occurrence.start], []).append(occurrence)
    for number, occurrences in by_part.items():
        field = parts[number].field
        if decision == "allow" or (rule.fields and field not in rule.fields):
            continue
        start, end = lattice.span(min(o.start for o in occurrences), max(o.end for o in occurrences))
        yield Finding(category=rule.category, field=field, start=start, end=end, decision=decision)


def _strictest(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Strictest first, then by position; of findings of one category that overlap, only the first."""
    ranked = sorted(findings, key=lambda f: (-_SEVERITY[f.decision], f.field, f.start, f.start - f.end))
    kept: list[Finding] = []
    for finding in ranked:
        if len(kept) == MOST_FINDINGS:
            break
        if not any(_covers(other, finding) for other in kept):
            kept.append(finding)
    return tuple(kept)


def _covers(other: Finding, finding: Finding) -> bool:
    same = other.category == finding.category and other.field == finding.field
    return same and other.start < finding.end and finding.start < other.end
