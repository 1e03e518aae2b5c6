"""What a person or Git asks for: intents, reverts, newer revisions, changes of the spec in the middle."""

from dataclasses import replace

from serinus.core.model import Cause, Intent, Phase, Verb
from serinus.core.plan import Plan
from serinus.core.rules.budget import burning_service_holds_the_trial, forbids, held_up
from serinus.core.situation import Situation


def intent_is_followed_once(s: Situation) -> Plan | None:
    """An intent is made absolute, written to the journal with its token, and never acts twice."""
    intent = s.observed.intent
    if intent is None or intent.token == s.progress.last_intent:
        return None
    return _VERBS[intent.verb](s, intent)


def _refused(s: Situation, intent: Intent, why: str) -> Plan:
    progress = replace(s.progress, last_intent=intent.token, intent_answer=f"{intent.verb} was not followed: {why}")
    return s.stay("IntentNotFollowed", progress.intent_answer, progress=progress, wake_at=s.now)


def _who(intent: Intent) -> str:
    return intent.by or "a person"


def _pause(s: Situation, intent: Intent) -> Plan:
    if not s.trial or s.selected:
        return _refused(s, intent, "no candidate is on trial.")
    if s.progress.paused:
        return _refused(s, intent, "the rollout is paused already.")
    sentence = f"Paused at {s.weight} % by {_who(intent)}."
    return s.shift("Paused", sentence, s.entry(Cause.PAUSE, sentence=sentence, weight=s.weight, token=intent.token))


def _resume(s: Situation, intent: Intent) -> Plan:
    if not s.progress.paused and burning_service_holds_the_trial(s) is None:
        return _refused(s, intent, "the rollout is not paused; to pass a gate ask for promote.")
    despite = "" if s.progress.paused else ", although the error budget burns"
    sentence = f"Resumed at {s.weight} % by {_who(intent)}{despite}."
    return s.shift("Resumed", sentence, s.entry(Cause.RESUME, sentence=sentence, weight=s.weight, token=intent.token))


def _approve(s: Situation, intent: Intent, step: int, words: str) -> Plan:
    sentence = f"Candidate {s.progress.candidate} let past {words} by {_who(intent)}."
    entry = s.entry(Cause.APPROVE, sentence=sentence, weight=s.weight, step=step, token=intent.token)
    return s.shift("Approved", sentence, entry)


def _promote(s: Situation, intent: Intent) -> Plan:
    if s.step is None or s.selected:
        return _refused(s, intent, "no step is in progress that could be passed.")
    return _approve(s, intent, s.progress.step, f"step {s.progress.step}")


def _promote_full(s: Situation, intent: Intent) -> Plan:
    if not s.trial or s.selected:
        return _refused(s, intent, "no candidate is on trial.")
    return _approve(s, intent, len(s.spec.steps), "all steps")


def _abort(s: Situation, intent: Intent) -> Plan:
    if not s.trial:
        return _refused(s, intent, "no candidate is on trial.")
    if s.selected:
        return _refused(s, intent, "the candidate is stable already; revert the change at its source.")
    sentence = f"Aborted at {s.weight} % by {_who(intent)}."
    return s.shift("Aborted", sentence, s.entry(Cause.ABORT, sentence=sentence, weight=0, token=intent.token))


def _retry(s: Situation, intent: Intent) -> Plan:
    wanted = s.observed.wanted
    rejected = any(one.revision == wanted for one in s.progress.rejected)
    if s.trial or not (rejected or held_up(s)):
        return _refused(s, intent, "there is no revision that was taken back and is still wanted.")
    sentence = f"Revision {wanted} is tried again, asked for by {_who(intent)}."
    if not rejected:
        sentence = f"Candidate {wanted} starts whatever the error budget says, asked for by {_who(intent)}."
    entry = s.entry(Cause.RETRY, sentence=sentence, weight=0, step=0, revision=wanted, token=intent.token)
    return s.shift("Retried", sentence, entry)


_VERBS = {
    Verb.PAUSE: _pause,
    Verb.RESUME: _resume,
    Verb.PROMOTE: _promote,
    Verb.PROMOTE_FULL: _promote_full,
    Verb.ABORT: _abort,
    Verb.RETRY: _retry,
}


def reverted_source_ends_the_trial(s: Situation) -> Plan | None:
    """The source says again what stable runs: all traffic back at once, whatever step it was."""
    if not s.trial or s.selected or not s.observed.wanted or s.observed.wanted != s.progress.stable:
        return None
    sentence = f"Candidate {s.progress.candidate} taken back: the source was changed back to {s.progress.stable}."
    return s.shift("Reverted", sentence, s.entry(Cause.REVERT, sentence=sentence, weight=0))


def newer_revision_replaces_the_candidate(s: Situation) -> Plan | None:
    """Weight to 0 first; the new candidate begins at step 1."""
    wanted = s.observed.wanted
    if not s.trial or s.selected or not wanted or wanted == s.progress.candidate:
        return None
    if any(one.revision == wanted for one in s.progress.rejected):
        sentence = (
            f"Candidate {s.progress.candidate} taken back: the source was changed to {wanted}, taken back before."
        )
        return s.shift("Reverted", sentence, s.entry(Cause.REVERT, sentence=sentence, weight=0))
    if forbids(s):
        sentence = (
            f"Candidate {s.progress.candidate} taken back: the source was changed to {wanted}, which waits for the "
            "error budget."
        )
        return s.shift("Reverted", sentence, s.entry(Cause.REVERT, sentence=sentence, weight=0))
    sentence = f"Candidate {s.progress.candidate} replaced by {wanted}: the source was changed again."
    return s.shift("Replaced", sentence, s.entry(Cause.START, sentence=sentence, weight=0, step=0, revision=wanted))


def changed_rules_start_the_evidence_over(s: Situation) -> Plan | None:
    """Other steps, SLIs, analysis or error budget: back to step 1's weight, never up, evidence from zero."""
    if not s.trial or s.selected or s.progress.evidence_rules in ("", s.spec.evidence_rules):
        return None
    if s.progress.step == 0:
        progress = replace(s.progress, evidence_rules=s.spec.evidence_rules)
        return s.stay(
            "SpecChanged",
            "The new steps, SLIs, analysis or error budget are taken over.",
            progress=progress,
            wake_at=s.now,
        )
    weight = s.least_of_first_step
    sentence = (
        f"Back to step 1 at {weight} % with evidence from zero: steps, SLIs, analysis or error budget were changed."
    )
    step = 1 if weight else 0
    return s.shift("SpecChanged", sentence, s.entry(Cause.RESTART, sentence=sentence, weight=weight, step=step))


def paused_rollout_waits(s: Situation) -> Plan | None:
    """A pause ends by a person only."""
    if not s.trial or not s.progress.paused or s.selected:
        return None
    why = next((one.sentence for one in s.progress.decisions if one.cause is Cause.PAUSE), "Paused.")
    return s.stay(
        "Paused",
        why,
        phase=Phase.PAUSED,
        next_action="a person's resume, promote or abort",
        wake_at=s.next_look if s.step else None,
    )


def with_rules_noted(s: Situation) -> Situation:
    """A trial that has no rules noted yet is judged by those of the spec."""
    if s.trial and not s.progress.evidence_rules:
        return replace(s, progress=replace(s.progress, evidence_rules=s.spec.evidence_rules))
    return s
