"""The judge of a share of bad requests as machine code: `core/checks/comparison.py` and what `core/tracks.py` does
with it. See `twin.py`.
"""

from math import exp, log

import numpy as np
from numpy.typing import NDArray

from benchmarks.statistics import bets, past
from benchmarks.statistics.bets import Bursts, Lines, Load
from benchmarks.statistics.compiled import compiled
from benchmarks.statistics.filtered import Slow, followed, slow
from benchmarks.statistics.traffic import Floats, Traffic
from serinus.core import tracks
from serinus.core.checks import level, margins
from serinus.core.checks.comparison import EQUAL, EQUAL_WEIGHTS, HIGHEST_LINE, ODDS, ODDS_WEIGHTS
from serinus.core.checks.objective import SHARE
from serinus.core.evidence import Sli, Standards
from serinus.core.noise import Calibration
from serinus.core.stats import one_proportion, two_proportion

WEIGHTS, SAFE_WEIGHTS = np.array(ODDS_WEIGHTS), np.array(EQUAL_WEIGHTS)
HALF_LIFE, SEED, LOWEST, HIGHEST = level.HALF_LIFE, level.SEED, level.LOWEST, level.HIGHEST

with_odds = compiled(one_proportion.with_odds)
one_arm = compiled(one_proportion.log_e_value)
two_arms = compiled(two_proportion.log_e_value, project=compiled(two_proportion.project))
harm_phi, safe_phi, place, value, mixed = bets.harm_phi, bets.safe_phi, bets.place, bets.value, bets.mixed
staked, limited, unplaced, add = bets.staked, bets.limited, bets.unplaced, bets.add
weigh = bets.weigh


def judged(
    traffic: Traffic, run: int, sli: Sli, standards: Standards, *, stop: bool
) -> tuple[tuple[int, int], Floats, Floats]:
    """Return (rollback, promote), and log e of harm and of safe after every look, of one run."""
    calibration = past.errors(traffic.past_n[run], traffic.past_x[run], sli)
    fresh, step_ratio = bets.steps(traffic.step, traffic.weight, sli, standards)
    counts = np.stack((traffic.x1[run], traffic.n1[run], traffic.x0[run], traffic.n0[run]), axis=1)
    lucky = margins.lucky(calibration, standards, traffic.pods1, traffic.pods0)
    harm, safe = np.zeros(len(fresh)), np.zeros(len(fresh))
    found = _looks(
        np.minimum(counts, counts[:, (1, 1, 3, 3)]),
        fresh,
        step_ratio,
        bets.lines(sli, standards, calibration, traffic.pods1, traffic.pods0, stop=stop),
        bets.bursts(calibration),
        slow(calibration.components, traffic.pods1, traffic.pods0),
        sli.allowed_ratio,
        seed_of(sli, calibration),
        Load(0.0, 0.0, float(traffic.pods1), float(traffic.pods0), traffic.seconds),
        np.array([(one.chance, one.ratio) for one in lucky]),
        harm,
        safe,
    )
    return found, harm, safe


def seed_of(sli: Sli, calibration: Calibration) -> float:
    """Return stable's share of bad requests before the first look, as `tracks.begin` has it."""
    if calibration.share is not None:
        return calibration.share
    return sli.budget / 10 if sli.budget is not None else tracks.DEFAULT_SHARE


@compiled
def _harm(counts: Floats, share: float, lines: Lines) -> Floats:
    """log e of each alternative that is worse than the margin, as in `comparison.advance_harm`."""
    x1, n1, x0, n0 = counts
    line = lines.ratio * share + lines.floor
    logs = np.zeros(len(ODDS))
    for j in range(len(ODDS)):
        logs[j] = two_arms(x1, n1, x0, n0, with_odds(line, ODDS[j]), share, lines.ratio, lines.floor)
    return logs


@compiled
def objective_bets(
    absolute: Floats, relative: Floats, counts: Floats, share: float, lines: Lines, phi: float, looks: int
) -> None:
    """Place both bets of the objective, as `objective.advance` does."""
    x1, n1, x0, n0 = counts
    logs_absolute, logs_relative = np.zeros(len(ODDS)), np.zeros(len(ODDS))
    for j in range(len(ODDS)):
        logs_absolute[j] = one_arm(x1, n1, with_odds(lines.budget, ODDS[j]), lines.budget) / phi
        beyond = with_odds(lines.ratio * share, ODDS[j])
        logs_relative[j] = two_arms(x1, n1, x0, n0, beyond, share, lines.ratio, 0.0) / phi
    place(absolute, logs_absolute, looks)
    place(relative, logs_relative, looks)


@compiled
def _safe(
    safe: Floats, draws: Floats, lucky: Floats, counts: Floats, share: float, ratio: float, floor: float, phi: float
) -> None:
    """Add a look to the evidence of safe and to what is known of lucky draws, as `comparison.advance_safe` does."""
    line = ratio * share + floor
    if line > HIGHEST_LINE:
        return
    logs = np.zeros(len(lucky))
    for j in range(len(EQUAL)):
        like = min(EQUAL[j] * share, 0.95 * line)
        for k in range(len(lucky)):
            part = min(lucky[k, 1], HIGHEST_LINE / line)
            logs[k] = 0.0
            if like < part * line:
                x1, n1, x0, n0 = counts
                logs[k] = two_arms(x1, n1, x0, n0, like, share, part * ratio, part * floor) / phi
        safe[j] += weigh(logs, draws[j])


@compiled
def _looks(
    counts: Floats,
    fresh: NDArray[np.bool_],
    step_ratio: Floats,
    lines: Lines,
    bursts: Bursts,
    noise: Slow,
    allowed: float,
    seed: float,
    load: Load,
    lucky: Floats,
    harm_out: Floats,
    safe_out: Floats,
) -> tuple[int, int]:
    """Judge looks (T, 4) of x1, n1, x0, n0; fill the evidence after each; return (rollback, promote), -1 for never."""
    bets_harm, bets_absolute, bets_relative = (
        np.full(len(ODDS), -np.inf),
        np.full(len(ODDS), -np.inf),
        np.full(len(ODDS), -np.inf),
    )
    safe, draws = np.zeros(len(EQUAL)), np.zeros((len(EQUAL), len(lucky)))
    draws[:] = lucky[:, 0]
    means, covariance = np.zeros((len(ODDS) + 1, len(noise.scales))), np.diag(noise.variances)
    ratios, fresh_parts = np.zeros(len(ODDS) + 1), np.zeros(len(ODDS))
    looks = looks_objective = 0
    level_n = level_x = other_n = other_x = 0.0
    promote = -1
    for t in range(len(counts)):
        x1, n1, x0, n0 = counts[t]
        if fresh[t]:
            safe[:] = 0.0
            draws[:] = lucky[:, 0]
        share = min(HIGHEST, max(LOWEST, (level_x + SEED * seed) / (level_n + SEED)))
        if n1 > 0 and n0 > 0:
            now = max(share, x0 / n0)
            arms = Load(n1, n0, load.pods1, load.pods0, load.seconds)
            phi = harm_phi(bursts, arms, now, False)
            if not np.isnan(lines.budget) and lines.ratio * share <= HIGHEST_LINE:
                objective_bets(bets_absolute, bets_relative, counts[t], share, lines, phi, looks_objective)
                looks_objective += 1
            beyond = allowed * share + lines.floor
            if noise.followed and beyond <= HIGHEST_LINE:
                bad = level_x + SEED * seed + other_x - lines.floor * other_n
                at_most = min(HIGHEST, max(share, bad / (level_n + SEED + allowed * other_n)))
                ratios[0] = allowed + lines.floor / at_most
                stake = log(unplaced(looks) - unplaced(looks + 1))
                for j in range(len(ODDS)):
                    ratios[j + 1] = with_odds(beyond, ODDS[j]) / share
                    fresh_parts[j] = exp(stake - add(bets_harm[j], stake))
                place(bets_harm, followed(means, covariance, noise, x1, x0, arms, ratios, share, fresh_parts), looks)
                looks += 1
            if not noise.followed and lines.ratio * share + lines.floor <= HIGHEST_LINE:
                place(bets_harm, _harm(counts[t], share, lines) / phi, looks)
                looks += 1
            line = step_ratio[t] * share + lines.floor
            safe_by = safe_phi(bursts, arms, now, line, False)
            _safe(safe, draws, lucky, counts[t], share, step_ratio[t], lines.floor, safe_by)
        if n1 + n0 > 0:
            keep = 0.5 ** (load.seconds / HALF_LIFE)
            level_n, level_x = level_n * keep + n0, level_x * keep + x0
            other_n, other_x = other_n * keep + n1, other_x * keep + x1
        told = value(bets_harm, WEIGHTS, looks)
        if not np.isnan(lines.budget):
            absolute = value(bets_absolute, WEIGHTS, looks_objective)
            blamed = min(absolute, value(bets_relative, WEIGHTS, looks_objective))
            told = staked(told, blamed, SHARE)
        harm_out[t] = told if noise.followed and np.isnan(lines.budget) else limited(told, lines)
        safe_out[t] = mixed(safe, SAFE_WEIGHTS)
        if harm_out[t] >= lines.threshold:
            return t, promote
        if promote < 0 and safe_out[t] >= lines.enough:
            promote = t
    return -1, promote
