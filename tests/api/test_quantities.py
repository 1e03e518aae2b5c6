"""Durations, percentages and regular expressions as people write them."""

import pytest

from serinus.api.quantities import Duration, Percentage, fraction, seconds
from serinus.api.regex import refused_by_re2
from tests.api.manifests import compiled, problems


@pytest.mark.parametrize(
    ("text", "value"),
    [("10m", 600.0), ("1h30m", 5400.0), ("90s", 90.0), ("2500ms", 2.5), ("1.5s", 1.5), ("1m30s500ms", 90.5), ("0s", 0)],
)
def test_a_duration_is_seconds(text: str, value: float) -> None:
    assert seconds(text) == value
    assert Duration("0s", "24h").parse(text) == value


@pytest.mark.parametrize(
    "text", ["", "10", "10 m", "-5m", "1d", "m", "1h-5m", "5us", "1e3s", "١٠m", "10m\n", "1" * 30 + "s"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(Exception, match="write a duration with units"):
        Duration("0s", "24h").parse(text)


def test_the_bounds_of_a_duration_are_included() -> None:
    duration = Duration("1s", "10m", whole_seconds=True)
    assert (duration.parse("1s"), duration.parse("600s")) == (1.0, 600.0)
    for text in ("999ms", "601s", "1500ms"):
        with pytest.raises(Exception, match="from 1s to 10m, in whole seconds"):
            duration.parse(text)


@pytest.mark.parametrize(("text", "value"), [("99%", 0.99), ("99.9%", 0.999), ("0.5%", 0.005), ("0.000001%", 1e-8)])
def test_a_percentage_is_a_fraction(text: str, value: float) -> None:
    assert fraction(text) == value
    assert Percentage("99%", "100%", includes_most=False).parse(text) == value


@pytest.mark.parametrize("value", [99, 0.99, "99", "99 %", "%", "-1%", "1e1%", "99.%", None])
def test_what_is_no_percentage_is_refused(value: object) -> None:
    with pytest.raises(Exception, match="write a percentage with its sign, such as 99%"):
        Percentage("99%", "100%").parse(value)


def test_a_rate_may_reach_its_bound_and_an_objective_may_not() -> None:
    assert Percentage("1%", "50%").parse("50%") == 0.5
    for text, percentage in (
        ("50.1%", Percentage("1%", "50%")),
        ("0%", Percentage("1%", "50%")),
        ("100%", Percentage("99%", "100%", includes_most=False)),
    ):
        with pytest.raises(Exception, match="write a percentage above 0%"):
            percentage.parse(text)


@pytest.mark.parametrize(
    "pattern",
    [
        "5..",
        "4..|5..",
        "/v1/.*",
        "",
        "a{2,5}",
        r"a\+b",
        r"\\1x",
        "[[:alpha:]]+",
        r"\pL+",
        r"(?i)post",
        "(?P<n>a)",
        "a+?",
        "[*+]+",
        "a}+",
        r"a\++",
        "x{1000}",
        r"x\{1001\}",
        r"\(?=a",
    ],
)
def test_an_expression_that_prometheus_understands_is_accepted(pattern: str) -> None:
    assert not refused_by_re2(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        "(5..",
        "5..)",
        "[5",
        "*5",
        "(?!200).*",
        "(?<=a)b",
        r"(a)\1",
        "a++",
        "(?>a)",
        "a{2,1}",
        "a{2}++",
        "x{1001}",
        "x{5,2000}",
        "(?P<n>a)(?P=n)",
        "(?#a)",
    ],
)
def test_an_expression_that_prometheus_refuses_is_refused(pattern: str) -> None:
    assert refused_by_re2(pattern)


def test_no_step_may_hold_longer_than_the_longest_hold_also_where_that_is_the_default() -> None:
    assert compiled(steps=[{"weight": 5, "hold": "24h"}]).steps[0].hold == 86400.0
    assert "a step holds longer than analysis.maxHold" in problems(steps=[{"weight": 5, "hold": "25h"}])[0]
    assert "a step holds longer than analysis.maxHold" in problems(analysis={"maxHold": "5m"})[0]
