"""A rollout judged without a cluster, from what was counted: the operator's own core, fed from lines of JSON.

    session = Session(spec, history)            # `spec` as in a ModelRollout; each line a dict, see docs/backtest.md
    answer = session.look(line)                 # verdict, action and numbers after this line
    for answer in run(spec, lines, history): ...

Wrong input raises `InputError` with one sentence.
"""

from serinus.backtest.errors import InputError
from serinus.backtest.session import Session, run

__all__ = ["InputError", "Session", "run"]
