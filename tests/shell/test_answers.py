"""From a provider's series to the core's."""

from math import inf

import pytest

from serinus.core.evidence import Role
from serinus.core.samples import Part as CorePart
from serinus.providers.prometheus import Part, RawSeries
from serinus.shell.answers import parsed


@pytest.mark.parametrize(
    ("part", "le", "means"),
    [(Part.BUCKET, "0.5", 0.5), (Part.BUCKET, "+Inf", inf), (Part.SCORES, "2", -2.0), (Part.SCORES, "+Inf", -inf)],
)
def test_the_bound_of_a_bucket_is_its_part_and_of_scores_minus_that(part: Part, le: str, means: CorePart) -> None:
    raw = RawSeries(part=part, role=Role.STABLE, pod="a", labels={"pod": "a", "le": le}, values=[(1.0, "7")])
    told = parsed([("quality", raw)])
    assert isinstance(told, list)
    ((role, series),) = told
    assert (role, series.part, series.points) == (Role.STABLE, means, ((1.0, 7.0),))
