"""The words of the page docs/benchmark.md around its tables."""

SET_UP = """# How the judge compares

Written by `make bench-statistics`, which replaces this page. It asks two things of Serinus and of the other tools that
roll back by metrics: how often do they roll back a candidate that is exactly as good as stable, and how long do they
need for one that is worse, measured against the fewest requests that any method could need.
The same two questions on real pods, with real requests: [judge-on-the-cluster.md](judge-on-the-cluster.md).

## Set-up

- 100 requests a second, 1 % of them bad, 10 % of the traffic on the candidate, 20 pods of which 2 are the candidate's
  (at 50 % 10), a look every 15 seconds, 6 hours of history by the minute, unless a scenario says otherwise. Requests
  are Poisson, drawn with fixed seeds: two runs of the benchmark give the same tables.
- Serinus is the operator's own judge. For millions of looks its lines are compiled to machine code
  (`benchmarks/statistics/twin.py`); a test holds the evidence after every look equal to `core` to 1e-9. Where scrapes
  matter, cumulative counters are scraped pod by pod, and a test holds what is made of them equal to the operator's
  reader.
- "Serinus .05" (in tables: `ours .05`) is the default of an SLI without an objective at `falseRollbackRate: 5%`: a
  candidate may be 1.2 times as bad as stable and 0.1 percentage points more (a latency 1.1 times) before anything
  counts as harm. `ours r=1` is the same judge with `allowedRatio: 1` and no floor, because the bound and the peers
  know no margin: that is what is compared with them. Both keep the margin for the draw of pods, which the bound does
  not know.
- **Serinus' own false-rollback rates count both harm margins** (the ratio and the floor): an equal candidate lies
  below them, and is rolled back less often than the rate in the spec allows. The tables "as bad as the margin allows"
  show the rate where nothing is given away: candidates at 1.2 times stable's errors and 0.1 percentage points more.
- Limits in brackets are one-sided, 95 %, by Clopper and Pearson. Times are median/p90 in seconds; `>` is "not within
  the hour"; the share that is found stands in brackets where it is not one. Means count runs that found nothing as one
  hour.
- The bound is Wald's: `log(1/alpha)` over the information of a request against the nearest point of the null
  hypothesis, for the known, simple alternative. It bounds the mean; a median below it is no miracle. Nothing that reads
  Prometheus every 15 s can be faster than one scrape, so ratios are to the bound plus one scrape. Where errors are
  clustered the bound is multiplied by the true dispersion phi of the simulated process over an hour.

The peers, each by its own documented thresholds and from its source (`benchmarks/statistics/peers/`; tests hold them to
the numbers of the peers' own tests):

- **Argo Rollouts** 9f8d111: a query a minute, `failureLimit: 3`; success rate at least .95 (its example), at least .99,
  or a candidate above 1.2 times stable, as users write it.
- **Flagger** 1.44: success rate of a minute below 99 % five times.
- **Kayenta** a69573b: Mann-Whitney with tolerance .25 and confidence .98 on one value a minute, from 10 minutes on (its
  documentation asks for 50, so this flatters its speed), judged again every minute. Asked in fewer runs, and for one
  hour only: a day of its minutes, judged every minute, costs too much.
- **GrowthBook** 8f1db44: the one-sided confidence sequence of its safe rollouts, its unit a request instead of a user.
- **z**: the classical one-sided test of two shares, looked at again at every scrape.
- **oracle**: the sequential probability ratio test of somebody who was told both shares. No method can be much faster.
"""

ABSENT = """## What is not here

- The peers on latencies: their quantile queries are not transcribed, so the latency tables hold Serinus and the bound.
- Kayenta over 24 hours (see above).
- Scores: they are judged, and simulated by tests, but have no compiled twin and no row here. Shadow pairs and adaptive
  weights: Serinus does not judge by them yet.
- Bursts of requests that no Poisson process makes, and real routing: the tables of real clusters are elsewhere.
- A bound for promotion where pods differ: the one above knows of no draw of pods. What the draw costs is in
  [decision 50](decisions/0050-lucky-pods.md).
"""

WITH_PHI = """Times, and `= ratio x (bound x phi)` where phi is known; for the defaults the bound is that against their
margin.

"""
