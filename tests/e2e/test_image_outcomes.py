"""Nine kinds of errors at four image providers, each through the whole system: what users, operators and the provider
see of it. The table below is written by hand, not derived from the product's own."""

import asyncio
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.image_models import BY_NAME
from tests.support.provider_outcomes import NEVER_SHOWN, PAUSE, Observed, Seen, observed, outcomes

pytestmark = [pytest.mark.timeout(400), pytest.mark.asyncio(loop_scope="module")]
LONGEST_MESSAGE = 120
UNDONE = ("paint", "paint/undo", "reserve/undo")
"""The steps of an order that fails at its first one."""
CELLS = [(name, kind) for name, case in BY_NAME.items() for kind in case.wrong]
WORN = {"openai": "broken", "stability": "busy", "automatic1111": "timeout", "replicate": "rate_limited"}
"""The error that each gives for ever, at the end."""
PRICES = {"openai": 120_330, "stability": 30_000, "automatic1111": 0, "replicate": 3_000}
"""Millionths of a dollar for a picture."""


@dataclass(frozen=True)
class Outcome:
    """What is to follow an error."""

    next_asked: bool
    """Does the painter, which is behind, make the picture then?"""
    again: bool
    """Is the provider asked again when it is alone? Then it makes the picture."""
    opens: bool
    """Do two of them open the breaker?"""
    code: str = ""
    """Of the problem, when the order failed."""
    words: str = ""
    """That the message has."""


OUTCOMES = {
    "refused_input": Outcome(False, False, False, "content_refused", "describe the art in other words"),
    "refused_output": Outcome(False, False, False, "content_refused", "change the words"),
    "invalid": Outcome(True, False, False, "invalid", "cannot fulfil this order"),
    "auth": Outcome(True, False, False, "no_image_model", "Nothing was counted"),
    "quota": Outcome(True, False, False, "no_image_model", "Nothing was counted"),
    "rate_limited": Outcome(True, True, True),
    "busy": Outcome(True, True, True),
    "timeout": Outcome(True, True, True),
    "broken": Outcome(True, True, True),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def seen(tmp_path_factory: pytest.TempPathFactory, postgres_url: str, mongo_url: str, redis_url: str) -> Observed:
    """What happened, once for all tests."""
    folder: Path = tmp_path_factory.mktemp("outcomes")
    async with asyncio.timeout(380), outcomes(folder, postgres_url, mongo_url, redis_url) as running:
        return await observed(running, WORN)


def failed(seen: Seen, code: str) -> None:
    """The order ended at its first step; nothing is counted or held; the words are for the user, and of nobody else."""
    task = seen.task
    assert (task["status"], task["error_code"], seen.steps) == ("failed", code, UNDONE)
    assert (seen.quota["used"], seen.quota["reserved"], seen.notice["kind"]) == (0, 0, "cover_failed")
    message = task["error_message"]
    assert re.fullmatch(r"[A-Z].*\.", message)
    assert len(message) <= LONGEST_MESSAGE
    told = repr((task, seen.notice)).lower()
    assert not [word for word in NEVER_SHOWN[:3] if word.lower() in told]
    assert not [word for word in NEVER_SHOWN if word.lower() in message.lower()]
    assert message in seen.notice["body"]


def succeeded(seen: Seen, model: str, passed_over: list[str]) -> None:
    """One cover by that model, counted once; the recipe says who else was to make it, why not, and what it cost."""
    painting = seen.recipe["painting"]
    assert (seen.task["status"], seen.task["error_message"], seen.task["error_code"]) == ("succeeded", None, None)
    assert (seen.quota["used"], seen.quota["reserved"], seen.notice["kind"]) == (1, 0, "cover_ready")
    assert (seen.recipe["model"], painting["passed_over"]) == (model, passed_over)
    assert painting["cost"] == {"micros": PRICES.get(model, 0), "currency": "USD"}


@pytest.mark.parametrize(("name", "kind"), CELLS)
async def test_with_another_model_behind(seen: Observed, name: str, kind: str) -> None:
    """The provider is asked once; either the next model makes the cover at the first try, or the order ends there."""
    outcome, behind = OUTCOMES[kind], seen.cells[name, kind].behind

    assert len(behind.calls) == 1
    assert behind.task["retry_count"] == 0
    if outcome.next_asked:
        succeeded(behind, "painter", [f"{name}: {kind}"])
    else:
        failed(behind, outcome.code)
        assert outcome.words in behind.task["error_message"]


@pytest.mark.parametrize(("name", "kind"), CELLS)
async def test_alone(seen: Observed, name: str, kind: str) -> None:
    """What passes is asked again, not before the provider says, and is made then; anything else ends at once."""
    outcome, alone = OUTCOMES[kind], seen.cells[name, kind].alone

    assert len(alone.calls) == (2 if outcome.again else 1)
    if outcome.again:
        succeeded(alone, name, [])
        assert alone.task["retry_count"] >= 1
        assert alone.calls[1] - alone.calls[0] >= (PAUSE if kind == "rate_limited" else 1)
    else:
        failed(alone, outcome.code)
        assert alone.task["retry_count"] == 0
        assert outcome.words in alone.task["error_message"]


@pytest.mark.parametrize(("name", "kind"), CELLS)
async def test_the_breaker(seen: Observed, name: str, kind: str) -> None:
    """Two of a kind that tells of an outage open it, and a picture closes it again; others leave it closed."""
    cell = seen.cells[name, kind]

    assert (cell.openings, cell.state) == (int(OUTCOMES[kind].opens), "closed")


@pytest.mark.parametrize("name", WORN)
async def test_for_ever(seen: Observed, name: str) -> None:
    """After four deliveries, and never more calls, the order ends, says so, and nothing is counted."""
    worn = seen.worn[name]

    failed(worn, "unavailable")
    assert 2 <= len(worn.calls) <= 4
    assert worn.task["error_message"] == "Painting the art did not work after 4 tries."


@pytest.mark.parametrize(("name", "kind"), CELLS)
async def test_operators_see_each_error(seen: Observed, name: str, kind: str) -> None:
    """Counted by model and reason, at least the two of each cell."""
    assert _sum(seen.metrics, "covergen_image_errors", model=name, reason=kind) >= 2


@pytest.mark.parametrize("name", PRICES)
async def test_operators_see_what_was_charged(seen: Observed, name: str) -> None:
    """Every picture's cost, and that of pictures which Stability's filter held back and charged all the same."""
    pictures = _sum(seen.metrics, "covergen_image_pictures", model=name)
    charged = 2 if name == "stability" else 0

    assert pictures == sum(OUTCOMES[kind].again for each, kind in CELLS if each == name)
    assert _sum(seen.metrics, "covergen_image_cost_micros", model=name) == (pictures + charged) * PRICES[name]


def _sum(lines: list[str], metric: str, **labels: str) -> float:
    """Of all rows with these labels."""
    found = [line for line in lines if line.startswith(f"{metric}{{")]
    rows = [line for line in found if all(f'{key}="{value}"' in line for key, value in labels.items())]
    return sum(float(line.rpartition(" ")[2]) for line in rows)
