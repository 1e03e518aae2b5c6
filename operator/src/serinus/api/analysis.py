"""`spec.analysis`: how sure the judge must be, how often it looks, and what it does without an answer."""

from typing import Annotated, Literal

from pydantic import Field

from serinus.api.quantities import Duration, Percentage
from serinus.api.text import LABEL, Text
from serinus.api.typed import Typed


class Analysis(Typed):
    """How the candidate is judged."""

    false_rollback_rate: Annotated[float, Percentage("1%", "50%")] = Field(
        default=0.01,
        description=(
            "Probability that a candidate that is no worse than allowed is rolled back: for the whole rollout, "
            "all SLIs together, however often it looks. Smaller takes longer to find a bad one.\n"
            "Example: `0.5%`. Default: `1%`."
        ),
    )
    false_promotion_rate: Annotated[float, Percentage("5%", "50%")] = Field(
        default=0.05,
        description=(
            "Probability, for each step, that a candidate that is worse than allowed passes it. Smaller makes "
            "every promotion slower.\n"
            "Example: `1%`. Default: `5%`."
        ),
    )
    interval: Annotated[float, Duration("1s", "10m", whole_seconds=True)] = Field(
        default=15.0,
        description=(
            "Time between two looks at the metrics. Less than the scrape interval of Prometheus finds nothing "
            "sooner.\n"
            "Example: `30s`. Default: `15s`."
        ),
    )
    assumed_dispersion: int = Field(
        default=10,
        ge=1,
        le=100,
        description=(
            "How bursty bad requests are taken to be (variance over mean of their counts) while stable has less than "
            "four pod-hours of history; after that it is measured. 1 is a workload whose requests fail one by one. "
            "Smaller decides a first rollout sooner, and takes a good candidate back by mistake where it is too "
            "small.\n"
            "Example: `3`. Default: `10`."
        ),
    )
    baseline: Literal["stable", "fresh"] = Field(
        default="stable",
        description=(
            "Whom the candidate is compared with. `stable`: all pods of stable. `fresh`: pods of stable that are made "
            "for the trial, as many as the candidate has, so that cold caches, leaks and all else that comes with age "
            "cancel. They come before each share and go after the trial; until then stable has so many pods more "
            "than `workload.replicas`, and `maxExtraGPUs` counts theirs.\n"
            "Example: `fresh`. Default: `stable`."
        ),
    )
    max_hold: Annotated[float, Duration("1s", "720h")] = Field(
        default=86400.0,
        description=(
            "Longest time at one step with evidence but without an answer; after it the step is inconclusive. "
            "Outages of the metrics do not count. Little traffic needs long.\n"
            "Example: `6h`. Default: `24h`."
        ),
    )
    on_inconclusive: Literal["hold", "rollback"] = Field(
        default="hold",
        description=(
            "What to do with a step that used up `maxHold` without an answer: `hold` keeps the weight and waits "
            "for a person, `rollback` takes the candidate back.\n"
            "Example: `rollback`. Default: `hold`."
        ),
    )
    dry_run: bool = Field(
        default=False,
        description=(
            "Judge and say what would happen, but never roll back and never promote because of it.\n"
            "Example: `true`. Default: `false`."
        ),
    )
    prometheus: Annotated[
        str, Text(LABEL, "write the name of a connection that the platform team configured, such as team-a", 63)
    ] = Field(
        default="",
        description=(
            "Name of a Prometheus connection in the operator's settings. Addresses and credentials stay there.\n"
            "Example: `team-a`. Default: the connection that the settings name as their default."
        ),
    )
