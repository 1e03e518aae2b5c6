"""One tick of one rollout: observe, decide, apply, record.

from the cache   ->  decide  ->  nothing to write: done
                                 only what the evidence says of itself: status, if it is still as it was seen
                                 something to write: read afresh, decide again, then
                                 1. the split, before anything else      2. Services and pods
                                 3. events                               4. status
a Fail just found    ->  read what says where traffic goes, decide, and take it back; else as above
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import structlog

from serinus.api.compile import Problems, compile_spec
from serinus.api.status import progress_of, status_of
from serinus.core.conditions import conditions
from serinus.core.decide import decide
from serinus.core.journal import fold, newest
from serinus.core.model import Phase, Progress, Spec
from serinus.core.observed import Capacity, Measured, Observed
from serinus.core.plan import Plan, Release, SetSplit
from serinus.core.replicas import needs_room
from serinus.core.rules.safety import failing_candidate_is_taken_back
from serinus.shell import budgets, record, refused_spec
from serinus.shell.apply import FINALIZER, CannotApply, Writer, add_finalizer, claim_all
from serinus.shell.budgets import Balance, Books
from serinus.shell.cache import Cache, Manifest
from serinus.shell.facts import Facts, fresh, fresh_traffic, named
from serinus.shell.glance import Glance, glance, still
from serinus.shell.kube import Kube
from serinus.shell.kube_errors import Refused, UnknownKind
from serinus.shell.observe import observe
from serinus.shell.resources import ROLLOUT
from serinus.shell.room import Room
from serinus.shell.scheduler import Key

REFUSED_SECONDS = 10.0
"""How soon to try again what the API server refused."""

log = structlog.get_logger("serinus")

_Decided = tuple[Plan, dict[str, Any], frozenset[str]]


@dataclass(slots=True)
class Memory:
    """What is remembered of a rollout between ticks. Losing it costs time, never correctness."""

    looked: float = -1.0
    """Number of the last look on the epoch grid."""
    measured: Measured = field(default_factory=Measured)
    books: Books | None = None
    """What was read for the error budget."""
    books_due: float = 0.0
    """When it is to be read again."""
    balance: Balance | None = None
    """What it came to."""
    told: tuple[str, str] = ("", "")
    status_at: float = 0.0
    failures: int = 0
    phase: str = ""
    uid: str = ""
    counted: tuple[int, int] = (0, 0)
    """The cache's version at which `phase` and `uid` were taken."""
    spec: Spec | None = None
    """The last one that could be compiled: safety goes on by it while a person mends the spec."""
    problems: tuple[str, ...] = ()
    """What is wrong with the present spec."""
    glance: Glance | None = None
    """What the cache showed; kept while a candidate is on trial."""

    def follow(self, rollout: Manifest) -> Spec | Problems:
        """The spec; while it cannot be compiled the last one that could, with what is wrong beside it."""
        spec = compile_spec(rollout)
        if not isinstance(spec, Problems):
            self.spec, self.problems = spec, ()
            return spec
        if self.spec is None or self.spec.uid != rollout["metadata"]["uid"]:
            return spec
        self.problems = spec.sentences
        return replace(self.spec, generation=rollout["metadata"]["generation"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticker:
    """Ticks rollouts, one call each."""

    kube: Kube
    cache: Cache
    room: Room
    clock: Callable[[], float]

    async def tick(self, key: Key, memory: Memory, *, failed: bool = False) -> float | None:
        """Returns when to look again (seconds since the epoch); None: only on events. Raises `KubeError`.

        `failed`: the look before this tick turned the verdict to Fail, so that there is something to write.
        """
        version = self.cache.version(key)
        rollout = self.cache.get(ROLLOUT, key.namespace, key.name)
        if rollout is None:
            self.cache.refer(key, ())
            return None
        seen = still(self.cache, key, memory.glance)
        spec = seen.spec if seen is not None else memory.follow(rollout)
        if isinstance(spec, Problems):
            return await self._refuse(key, spec)
        await self._know(key, spec, rollout)
        if failed:
            return await self._take_back(key, spec, memory)
        seen = memory.glance = seen or glance(self.cache, key, rollout, spec, version=version)
        plan, status, changed = await self._decide(rollout, seen.observed, seen.progress, spec, memory)
        if not plan.progress.candidate:
            memory.glance = None
        read_again = changed and not record.from_counts(changed, rollout.get("status"), status)
        if plan.actions or seen.is_unclaimed or read_again or (changed and memory.failures):
            return await self._act(key, memory)
        if changed or self._numbers_are_due(rollout, spec, memory, status):
            self._say(memory, spec, plan)
            await self._write_status(rollout, status, memory)
        return plan.wake_at

    async def _act(self, key: Key, memory: Memory) -> float | None:
        """The same from fresh reads, and with writes."""
        rollout = await self.kube.get(ROLLOUT, key.namespace, key.name)
        if rollout is None:
            return None
        self.cache.store(ROLLOUT, rollout)
        spec = memory.follow(rollout)
        if isinstance(spec, Problems):
            return await self._refuse(key, spec)
        if not await self._bound(rollout):
            return None if "deletionTimestamp" in rollout["metadata"] else self.clock()
        facts = await fresh(self.kube, self.cache, key, rollout, spec)
        if "deletionTimestamp" not in rollout["metadata"] and await claim_all(self.kube, facts, spec):
            return self.clock()
        observed = observe(facts, spec)
        progress = progress_of(rollout.get("status"))
        decided = await self._decide(rollout, observed, progress, spec, memory)
        return await self._carry_out(facts, observed, spec, memory, decided)

    async def _take_back(self, key: Key, spec: Spec, memory: Memory) -> float | None:
        """Traffic away from a candidate that failed, by as few reads as name it; anything else is `_act`'s."""
        facts = await fresh_traffic(self.kube, self.cache, key, spec)
        if facts is not None and compile_spec(facts.rollout) == spec and FINALIZER in _finalizers(facts.rollout):
            self.cache.store(ROLLOUT, facts.rollout)
            observed = observe(facts, spec)
            progress = progress_of(facts.rollout.get("status"))
            decided = await self._decide(facts.rollout, observed, progress, spec, memory)
            if _takes_traffic_back(decided[0]):
                return await self._carry_out(facts, observed, spec, memory, decided)
        return await self._act(key, memory)

    async def _carry_out(
        self, facts: Facts, observed: Observed, spec: Spec, memory: Memory, decided: "_Decided"
    ) -> float | None:
        """Do what was decided from fresh reads, then tell and record it."""
        rollout, (plan, status, changed) = facts.rollout, decided
        self._say(memory, spec, plan)
        refused = await self._apply(facts, observed, spec, plan)
        if not refused and any(isinstance(one, Release) for one in plan.actions):
            return None
        before = progress_of(rollout.get("status"))
        if refused:
            # What was refused has not happened: nothing of it is told or recorded.
            plan = replace(plan, sentence=f"{plan.sentence} {refused}"[:1024], wake_at=self.clock() + REFUSED_SECONDS)
            if any(isinstance(one, SetSplit) for one in plan.actions):
                plan = replace(plan, progress=folded_progress(before, observed))
            status = self._status(rollout, spec, memory, plan, observed)
        await record.tell(self.kube, spec, before=before, after=plan.progress)
        if changed or refused or status != rollout.get("status"):
            await self._write_status(rollout, status, memory)
        return plan.wake_at

    async def _bound(self, rollout: Manifest) -> bool:
        """True when our finalizer is there, so that a deletion waits for us; else it is added where it may be."""
        if FINALIZER in _finalizers(rollout):
            return True
        if "deletionTimestamp" not in rollout["metadata"]:
            await add_finalizer(self.kube, rollout)
        return False

    async def _decide(
        self, rollout: Mapping[str, Any], observed: Observed, progress: Progress, spec: Spec, memory: Memory
    ) -> "_Decided":
        """The plan, the status that it leads to, and what of that has changed, numbers aside."""
        folded = folded_progress(progress, observed)
        memory.balance = budgets.balanced(spec, memory.books, folded.candidate, memory.balance)
        observed = replace(
            observed,
            capacity=await self._capacity(observed, folded, spec),
            budget=memory.balance.at(self.clock()) if memory.balance is not None else None,
            spec_problems=(*memory.problems, *observed.spec_problems),
        )
        plan = decide(spec, observed, progress, memory.measured, self.clock())
        status = self._status(rollout, spec, memory, plan, observed)
        return plan, status, record.changes(rollout.get("status"), status)

    def _status(
        self, rollout: Mapping[str, Any], spec: Spec, memory: Memory, plan: Plan, observed: Observed
    ) -> dict[str, Any]:
        progress = plan.progress
        since = progress.shifts[-1].at if progress.shifts else 0.0
        measured = memory.measured.at(progress.attempt, progress.step, since)
        return status_of(
            spec=spec,
            observed=observed,
            measured=measured,
            plan=plan,
            conditions=conditions(spec, observed, measured, plan),
            before=rollout.get("status"),
            now=self.clock(),
        )

    async def _capacity(self, observed: Observed, progress: Progress, spec: Spec) -> Capacity | None:
        """Counted only when pods may be added: the lists are large."""
        source = observed.source
        if source is None or not source.gpus_per_pod or observed.deleting_since is not None:
            return None
        first = not progress.stable and observed.revision(observed.wanted) is None
        preparing = progress.candidate and (progress.phase is Phase.PREPARING or progress.heading)
        if not first and not preparing and not needs_room(spec, observed, progress):
            return None
        return await self.room.for_pods_of(source, spec.namespace)

    async def _apply(self, facts: Facts, observed: Observed, spec: Spec, plan: Plan) -> str:
        """Carry out the plan in its order. Returns what the API server refused, in words."""
        writer = Writer(kube=self.kube, spec=spec, facts=facts, observed=observed)
        for action in plan.actions:
            try:
                await writer.do(action)
            except (Refused, CannotApply) as error:
                log.warning("refused", rollout=f"{spec.namespace}/{spec.name}", error=str(error))
                return str(error)
        return ""

    async def _know(self, key: Key, spec: Spec, rollout: Manifest) -> None:
        """Read once what the rollout names and no watch has shown yet."""
        for resource, name in self.cache.refer(key, named(spec, rollout)):
            try:
                manifest = await self.kube.get(resource, key.namespace, name)
            except UnknownKind:
                continue
            if manifest is not None:
                self.cache.store(resource, manifest)

    async def _refuse(self, key: Key, problems: Problems) -> float | None:
        """Say what is wrong with the spec; where the resource is being deleted, let it go."""
        rollout = await self.kube.get(ROLLOUT, key.namespace, key.name)
        if rollout is None:
            return None
        if "deletionTimestamp" in rollout["metadata"]:
            await refused_spec.let_go(self.kube, rollout)
            return None
        before = rollout.get("status")
        status = refused_spec.status(before, problems.sentences, rollout["metadata"]["generation"], self.clock())
        if status != before:
            await record.write_status(self.kube, rollout, status)
        return None

    async def _write_status(self, rollout: Mapping[str, Any], status: dict[str, Any], memory: Memory) -> None:
        self.cache.store(ROLLOUT, await record.write_status(self.kube, rollout, status))
        memory.status_at = self.clock()

    def _numbers_are_due(self, rollout: Manifest, spec: Spec, memory: Memory, status: dict[str, Any]) -> bool:
        """Numbers alone are written every few looks only; those of a rollout at rest, more rarely still."""
        pause = record.LOOKS_BETWEEN_NUMBERS * spec.interval if status.get("candidate") else record.REST_SECONDS
        written = 0 <= self.clock() - memory.status_at < pause
        return not written and status != rollout.get("status")

    def _say(self, memory: Memory, spec: Spec, plan: Plan) -> None:
        words = (plan.reason, plan.sentence)
        if words != memory.told:
            memory.told = words
            log.info(
                plan.sentence,
                rollout=f"{spec.namespace}/{spec.name}",
                rule=plan.rule,
                reason=plan.reason,
                phase=str(plan.progress.phase),
                actions=[type(one).__name__ for one in plan.actions],
            )


def _takes_traffic_back(plan: Plan) -> bool:
    """True when a plan is the rollback of a candidate that failed, and nothing else."""
    return plan.rule == failing_candidate_is_taken_back.__name__ and any(
        isinstance(one, SetSplit) and one.record.weight == 0 for one in plan.actions
    )


def _finalizers(rollout: Mapping[str, Any]) -> Sequence[str]:
    return rollout["metadata"].get("finalizers") or ()


def folded_progress(progress: Progress, observed: Observed) -> Progress:
    """What status says, completed by the journal entry on the route."""
    entry = newest(observed)
    return fold(progress, entry) if entry is not None else progress
