"""Delete each rule of `core/decide.py` in turn and run the tests of the core: a rule whose loss no test notices is
either not needed or not tested.

    python -m tests.mutants        prints a table; exit code 1 if a rule survives its deletion
"""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from serinus.core.decide import RULES

WITHOUT = "SERINUS_TESTS_WITHOUT_RULE"


def killed_by(rule: str) -> str:
    """The first test that fails without the rule; empty when none does."""
    names = ("stories", "rules", "budget_rules", "route_change", "by_pods")
    tests = [f"tests/core/test_{name}.py" for name in names]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests],
        env={**os.environ, WITHOUT: rule},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        return ""
    return next((line.split(" - ")[0] for line in done.stdout.splitlines() if line.startswith("FAILED")), "crashed")


def main() -> int:
    names = [rule.__name__ for rule in RULES]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        killers = dict(zip(names, pool.map(killed_by, names), strict=True))
    for name, killer in killers.items():
        print(f"{name:42} {killer or 'SURVIVES'}")
    survivors = sum(not killer for killer in killers.values())
    print(f"{len(names)} rules deleted one by one, {survivors} survived")
    return 1 if survivors or killed_by("") else 0


if __name__ == "__main__":
    sys.exit(main())
