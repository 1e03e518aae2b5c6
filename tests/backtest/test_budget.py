"""A backtest with an error budget: what is spent does not begin, what burns goes no further; neither is a verdict."""

import json
from typing import Any

import pytest

from serinus.backtest import InputError, Session, run
from tests.backtest.counts import SPEC, lines, past

BUDGET = {"objective": "99%", "window": "30d"}
WITH = {**SPEC, "errorBudget": BUDGET}
CALM = {"30d": {"total": 1e6, "bad": 4000}, "1h": {"total": 2000, "bad": 8}, "5m": {"total": 160, "bad": 0}}
BURNS = {**CALM, "1h": {"total": 2000, "bad": 100}, "5m": {"total": 160, "bad": 8}}
SPENT = {**CALM, "30d": {"total": 1e6, "bad": 12000}}


def said(budget: dict[str, Any], spec: dict[str, Any] = WITH, **more: Any) -> list[dict[str, Any]]:
    """The answers to lines that all say this of the budget."""
    told = [{**one, "budget": {"answers": budget}} for one in lines(looks=30, **more)]
    return list(run(spec, told, past()))


def actions(told: list[dict[str, Any]]) -> set[str]:
    return {one["action"] for one in told}


def test_a_service_that_burns_its_budget_holds_and_takes_nothing_back() -> None:
    assert actions(said(CALM)) == {"continue"}
    assert actions(said(CALM, weight=50)) == {"continue", "promote"}
    assert actions(said(BURNS, weight=50)) == {"hold"}


def test_a_candidate_that_fails_is_rolled_back_whatever_the_budget_says() -> None:
    for budget in (CALM, BURNS, SPENT):
        assert said(budget, bad=(0.08, 0.01))[-1]["action"] == "rollback"


def test_a_spent_budget_begins_nothing_and_stops_nothing_that_runs() -> None:
    assert actions(said(SPENT, weight=0)) == {"hold"}
    assert actions(said(CALM, weight=0)) == {"continue"}
    assert "hold" not in actions(said(SPENT, weight=50))


def test_a_candidate_that_burns_too_fast_by_itself_is_taken_back_although_it_keeps_its_own_objective() -> None:
    """4 % fail; its objective lets 10 % fail and 5 points more than stable, the budget twice 1 %."""
    loose = {**SPEC, "slis": [{**SPEC["slis"][0], "objective": "90%"}]}
    assert "rollback" not in actions(list(run(loose, lines(looks=30, bad=(0.04, 0.005)), past())))
    told = said(CALM, {**loose, "errorBudget": BUDGET}, bad=(0.04, 0.005))[-1]
    assert (told["action"], told["blame"]) == ("rollback", ["answers"])


def test_an_incident_that_both_share_is_not_the_candidates_however_fast_it_burns() -> None:
    assert actions(said(BURNS, bad=(0.3, 0.3))) == {"hold"}


def test_numbers_are_told() -> None:
    told = said(BURNS)[-1]["budget"]
    assert told == {"remaining": 0.6, "burn": 5.0, "over": ["1h", "5m"], "spentIn": 0.6 * 30 * 86400 / 5}
    assert "budget" not in next(iter(run(WITH, lines(looks=2))))


def test_what_was_said_once_holds_until_it_is_said_anew() -> None:
    first, second, third = lines(looks=3)
    session = Session(WITH, past())
    assert session.look({**first, "budget": {"answers": BURNS}})["action"] == "hold"
    assert session.look(second)["action"] == "hold"
    assert session.look({**third, "budget": {"answers": CALM}})["action"] == "continue"


def test_a_provider_that_is_down_concludes_nothing_from_the_budget() -> None:
    (only,) = lines(looks=1)
    told = Session(WITH).look({**only, "budget": {"answers": BURNS}, "provider": "down"})
    assert (told["verdict"], told["action"]) == ("ProviderDown", "continue")


def test_it_is_part_of_the_state() -> None:
    first, second = lines(looks=2)
    whole, cut = Session(WITH), Session(WITH)
    whole.look({**first, "budget": {"answers": BURNS}})
    cut.restore(json.loads(json.dumps(whole.state())))
    assert cut.look(second) == whole.look(second)


@pytest.mark.parametrize(
    ("budget", "sentence"),
    [
        ([], 'budget is []: write {"answers": {"1h": {"total": 900, "bad": 2}}}.'),
        ({"errors": {}}, "budget.errors: the spec's errorBudget is counted on answers; leave the others out."),
        ({"answers": 3}, "budget.answers is 3: write counts by window."),
        (
            {"answers": {"7d": {"total": 1, "bad": 0}}},
            "budget.answers: '7d' is no window that is judged; these are 5m, 30m, 1h, 2h, 6h, 1d, 3d, 30d.",
        ),
        ({"answers": {"1h": {"total": 1}}}, """budget.answers.1h is {'total': 1}: write {"total": 900, "bad": 2}."""),
        ({"answers": {"1h": {"total": 1, "bad": 2}}}, "budget.answers.1h: 2 bad of 1 requests; bad is at most total."),
        (
            {"answers": {"1h": {"total": -1, "bad": 0}}},
            "budget.answers.1h.total is -1: write how many requests there were, 0 or more.",
        ),
    ],
)
def test_a_wrong_budget_gets_one_sentence_with_its_line(budget: Any, sentence: str) -> None:
    (only,) = lines(looks=1)
    with pytest.raises(InputError) as error:
        list(run(WITH, [{**only, "budget": budget}]))
    assert str(error.value) == f"line 1: {sentence}"


def test_a_line_needs_its_pods() -> None:
    with pytest.raises(InputError, match="pods is missing: write a list of pods"):
        list(run(WITH, [{"t": 15.0, "weight": 10, "budget": {"answers": CALM}}]))
