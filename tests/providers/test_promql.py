"""PromQL text: no value can leave its quotes."""

import pytest

from serinus.core.questions import Matcher
from serinus.providers import promql


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", '"plain"'),
        ('"} or vector(1) #', '"\\"} or vector(1) #"'),
        ("5\\d", '"5\\\\d"'),
        ("two\nlines\ttab\r", '"two\\nlines\\ttab\\r"'),
    ],
)
def test_a_value_stays_inside_its_quotes(value: str, text: str) -> None:
    assert promql.string(value) == text


def test_a_literal_matches_only_itself() -> None:
    assert promql.literal("a.b|c(d)[e]{f}^$*+?\\") == "a\\.b\\|c\\(d\\)\\[e\\]\\{f\\}\\^\\$\\*\\+\\?\\\\"


def test_alternatives_are_sorted_so_that_equal_questions_have_equal_texts() -> None:
    assert promql.one_of(["b", "a.c", "b"]) == "a\\.c|b"


def test_a_selector_is_written_in_the_order_of_its_matchers() -> None:
    matchers = (Matcher(label="path", op="=~", value=".*/infer"), Matcher(label="code", op="!=", value="200"))
    assert promql.selector("requests_total", matchers) == 'requests_total{path=~".*/infer",code!="200"}'


def test_a_colon_may_be_in_the_name_of_a_metric_but_not_of_a_label() -> None:
    assert promql.selector("vllm:e2e_seconds_bucket", ()) == "vllm:e2e_seconds_bucket{}"
    with pytest.raises(promql.NotAName, match="a:b"):
        promql.matcher(Matcher(label="a:b", op="=", value="x"))


@pytest.mark.parametrize("metric", ["", "1st", "up{", "a b", "up}or vector(1)", "naïve"])
def test_what_is_no_name_of_a_metric_is_refused(metric: str) -> None:
    with pytest.raises(promql.NotAName, match="no name of a metric"):
        promql.selector(metric, ())


def test_the_name_of_the_metric_cannot_be_replaced_by_a_matcher() -> None:
    with pytest.raises(promql.NotAName, match="__name__"):
        promql.matcher(Matcher(label="__name__", op="=~", value=".*"))


def test_an_unknown_operator_is_refused_with_those_that_exist() -> None:
    with pytest.raises(promql.NotAName, match="!~"):
        promql.matcher(Matcher(label="path", op="==", value="x"))
