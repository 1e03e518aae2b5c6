"""What the documentation says of the code is so."""

import ast
import re
from pathlib import Path

from serinus.core.model import Phase
from serinus.core.phases import TRANSITIONS

ROOT = Path(__file__).parents[1]
CORE = ROOT / "operator" / "src" / "serinus" / "core"
REASON = re.compile(r"^[A-Z][A-Za-z]+$")
HEAD = "# All moves between phases\n\nDrawn from `core/phases.py`; a test keeps it so.\n\n"


def reasons() -> set[str]:
    """First arguments of `stay` and `shift`, the reasons of waits and of verdicts, in the rules."""
    found: set[object] = set()
    for file in [*sorted((CORE / "rules").glob("*.py")), CORE / "situation.py"]:
        for node in ast.walk(ast.parse(file.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in ("stay", "shift")
            ):
                found |= (
                    {one.value for one in ast.walk(node.args[0]) if isinstance(one, ast.Constant)}
                    if node.args
                    else set()
                )
            if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple):
                first = node.value.elts[0]
                found |= {one.value for one in ast.walk(first) if isinstance(one, ast.Constant)}
            if isinstance(node, ast.Dict):
                values = [one for value in node.values for one in ast.walk(value)]
                found |= {one.value for one in values if isinstance(one, ast.Constant)}
    return {one for one in found if isinstance(one, str) and REASON.match(one)}


def diagram() -> str:
    """The phases and their moves, in Mermaid's words."""
    lines = ["```mermaid", "stateDiagram-v2", "    [*] --> Initializing"]
    for phase in Phase:
        lines += [f"    {phase} --> {after}" for after in sorted(TRANSITIONS[phase]) if after is not Phase.TERMINATING]
    lines += [f"    note right of {Phase.TERMINATING}: reached from every phase", "    Terminating --> [*]", "```", ""]
    return "\n".join(lines)


def test_every_reason_is_documented_for_the_person_on_call() -> None:
    text = (ROOT / "docs" / "on-call.md").read_text()
    assert sorted(one for one in reasons() if f"`{one}`" not in text and one not in {"PodsNotReady"}) == []


def test_the_search_for_reasons_finds_them() -> None:
    assert {"Healthy", "AnalysisFailed", "InsufficientCapacity", "ProviderDown", "Aborted"} <= reasons()


def test_the_diagram_of_phases_is_that_of_the_table() -> None:
    assert (ROOT / "docs" / "phases.md").read_text() == HEAD + diagram(), (
        "write docs/phases.md anew: python -m tests.test_docs"
    )


def test_there_is_no_module_that_shadows_the_standard_library() -> None:
    assert not (ROOT / "operator" / "__init__.py").exists()


if __name__ == "__main__":
    (ROOT / "docs" / "phases.md").write_text(HEAD + diagram())
