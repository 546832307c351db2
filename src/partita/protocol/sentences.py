"""What the engine says in sentences: each is a kind with values, so that whoever shows it can say it in another language.

The table has the English text of each kind. Values are told by their names: what ends in `_s` is seconds, `state` and the
like are words that are told themselves, a list is told with commas, and a sentence in a sentence is told first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypedDict

from partita.units import duration_text

__all__ = ["SENTENCES", "Sentence", "in_words", "joined", "say", "some"]

SENTENCES = {
    # Pieces
    "and_more": "{names} and {count} more",
    "one_step": "1 step",
    "steps": "{count} steps",
    "step_of_run": "step {step} of run {run}",
    "path_of_run": "{path} of run {run}",
    "no_reason": "no reason told",
    "nothing_to_do": "there was nothing to do",
    "one_cpu": "1 CPU",
    "cpus": "{count} CPUs",
    "gpus": "{count} GPUs",
    "of_slot": "{count} of the slot {name}",
    "nothing_asked": "nothing in particular",
    "a_time": "a time",
    "event": "the event {name}",
    "event_with_key": "the event {name} with the key {key}",
    "approval": "the approval {name}",
    "answer": "the answer to {name}",
    "it_came": "it came",
    "nothing_came": "nothing came in time",
    "went_on": "the run went on without it",
    "vote": "{by} {verdict}",
    "somebodys_vote": "somebody {verdict}",
    "are_held": "{name}: {held} of {capacity} are held",
    "would_end": "on {executor} after {end_s}",
    "would_end_at_a_price": "on {executor} after {end_s} and at a price",
    # What made a step
    "laid_out": "{flow} laid it out.",
    "laid_out_at": "{flow} laid it out at {place}.",
    "undoes": "It undoes {step}, because {flow} failed or was cancelled.",
    "is_fallback": "It is the fallback of {step}, for the case that that step fails.",
    "body_gave": "Its body ran only when its inputs were known; with them it laid out {steps}.",
    "body_gave_nothing": "Its body ran only when its inputs were known, and laid out no steps.",
    "body_never_ran": "Its body never ran: what it needs never came to be.",
    "body_waits": "Its body runs only when its inputs are known.",
    # What it waited for, and where it ran
    "waited_for_inputs": "It waited {waited_s} for its inputs; the last of them was {last}.",
    "waited_for_room": "It was ready {waited_s} before there was room for it ({asked}).",
    "waited_while": "It was ready {waited_s} before there was room for it ({asked}); meanwhile there ran {others}.",
    "ran_where_chosen": "It ran on the executor {executor}, chosen from {names}.",
    "ran_where_named": "It ran on the executor {executor}, which the task or its flow names.",
    "ran_where_told": "It ran on the executor {executor}, which the run was started with.",
    "ran_by_default": "It ran on the executor {executor}, the default, since nobody named another.",
    # The cache
    "adopted": "Its value was taken over: nothing that it depends on has changed since that run.",
    "cache_hit": "Taken from the cache:",
    "cache_miss": "Not in the cache:",
    "cache_waits": "Waits for the cache:",
    "cache_told": "The cache:",
    "not_cached": "The task is not cached; give it cache=True.",
    "flow_not_cached": "Only tasks are cached, flows are not.",
    "adopted_from_rerun": "The value was taken over from the run that this one reruns.",
    "equal_being_computed": "An equal step is being computed: {step}.",
    "not_asked": "It has not begun, so nobody has asked the cache yet.",
    "equal_gone": "An equal step had been computed; its entry is not there any more.",
    "equal_computed": "An equal step had been computed {age_s} before this run began: {step}.",
    "same_parts": "Its code, version and arguments are the same.",
    "same_key": "Its cache_key gave the same.",
    "refreshed": "The run was told to compute everything anew.",
    "key_unknown": "What its cache_key gave is known only once it has succeeded.",
    "nearest": "The nearest entry is {step}. Since then:",
    "none_counted": "Nothing that counts was cached of this task when the run began, or it has been cleared since.",
    "none_counted_of_these": (
        "Nothing that counts was cached of this task when the run began (a value counts as long as its blobs are there)."
    ),
    "none_counted_for": (
        "Nothing that counts was cached of this task when the run began "
        "(a value counts for {expiry_s}, and as long as its blobs are there)."
    ),
    "failures_not_kept": "It failed, and only values are kept.",
    "equal_expired": "The value of {step} had expired.",
    "equal_without_blob": "The value of {step} is equal, but its blob is no longer in the artifacts.",
    "code_changed": "the code that the task reaches, or its environment, has changed",
    "version_changed": "its version has changed from {before} to {after}",
    "key_changed": "its cache_key gave {after}, not {before}",
    "argument_gone": "the argument {name} is not given any more",
    "argument_new": "the argument {name} is given now",
    "argument_changed": "the argument {name} holds something else",
    # Attempts
    "attempt_failed": "Attempt {attempt} failed ({reason}).",
    "attempt_timeout": "Attempt {attempt} ran out of time ({reason}).",
    "attempt_crashed": "Attempt {attempt} crashed ({reason}).",
    "attempt_cancelled": "Attempt {attempt} was cancelled ({reason}).",
    "attempt_lost": "Attempt {attempt} was lost with the engine ({reason}).",
    "attempt_ended": "Attempt {attempt} ended: {outcome} ({reason}).",
    "tried_again": "It was tried again after {pause_s}.",
    "will_be_tried": "It will be tried again.",
    "not_again_idempotent": (
        "It was not tried again: it is marked idempotent=False, and nobody knows whether it did its work."
    ),
    "not_again_cancelled": "It was not tried again: it was cancelled.",
    "not_again_drained": "It was not tried again: something around it had failed already.",
    "not_again_one": "It was not tried again: its one retry was used up.",
    "not_again_used": "It was not tried again: its {retries} retries were used up.",
    "not_again_none": "It was not tried again: the task has no retries.",
    "not_again_rule": "It was not tried again: its retry rule does not admit this error.",
    "not_again_crashes": "It was not tried again: it had crashed too often.",
    "fallback_ran": "Its fallback {step} ran in its place, and {state}.",
    "fallback_runs": "Its fallback {step} runs in its place.",
    # What was skipped
    "skipped_itself": "It was skipped by its own code: {reason}.",
    "skipped_with": "It was skipped with a step that it needs: {reason}.",
    "not_needed": "It was not needed: the step that it stands in for succeeded.",
    "needs_failed": "It was skipped because it needs {needs}, which did not succeed.",
    "flow_failed": "It was skipped because the flow around it had failed: {reason}.",
    # Waits
    "time_came": "It waited {waited_s} for a time, which came.",
    "wait_ended": "It waited {waited_s} for {what}: {how}.",
    "wait_decided": "It waited {waited_s} for {what}: {how} ({votes}).",
    # What holds it up now
    "waits_for": "It waits for {what}.",
    "waits_at_most": "It waits for {what}, {due_s} from now at most.",
    "waits_for_layout": "It waits for its layout.",
    "waits_to_retry": "It waits before its next attempt.",
    "waits_to_retry_at_most": "It waits before its next attempt, {due_s} from now at most.",
    "goes_on": "It goes on: {steps}.",
    "waits_for_equal": "It waits for an equal step that is being computed: {step}.",
    "waits_for_room": "It is ready, and waits for room ({lacks}).",
    "waits_for_turn": "It is ready, and waits for its turn.",
    "waits_for_executor": (
        "It is ready, and waits for the executor {executor}: there it would probably end in {end_s}, {others}."
    ),
    # A step that is sent through an executor
    "probe_lost": "its worker ended ({why}): {message}",
    "probe_timeout": "the step did not end within {within_s}",
    # The run
    "one_adopted": "1 step was taken over from the run that it reruns.",
    "some_adopted": "{count} steps were taken over from the run that it reruns.",
    "one_cached": "1 step was taken from the cache.",
    "some_cached": "{count} steps were taken from the cache.",
    "hung_on": "What ended last hung on: {chain}.",
    "failed_first": "What failed first was {step} ({reason}).",
    "one_skipped": "Because of that 1 step was skipped.",
    "some_skipped": "Because of that {count} steps were skipped.",
}

#: Values that are words of a language: states, outcomes, verdicts.
_WORDS = frozenset({"state", "outcome", "verdict", "how"})
_NAMED = 5
_BRACES = re.compile(r"\{(\w+)\}")


class Sentence(TypedDict):
    """Something that is said."""

    kind: str  # of `SENTENCES`
    values: dict[str, Any]  # what stands in its braces: texts, numbers, sentences, or lists of these


def say(kind: str, **values: Any) -> Sentence:
    """A sentence; a kind that the table lacks is a fault of whoever says it."""
    if kind not in SENTENCES:
        raise KeyError(kind)
    return Sentence(kind=kind, values=values)


def some(names: Iterable[str | Sentence]) -> Any:
    """Names for a sentence: a few of them, and how many more there are."""
    distinct = list({in_words(name) if isinstance(name, dict) else name: name for name in names}.values())
    if len(distinct) <= _NAMED:
        return distinct
    return say("and_more", names=distinct[:_NAMED], count=len(distinct) - _NAMED)


def _english(text: str) -> str:
    return text


def in_words(said: Sentence, tell: Callable[[str], str] = _english) -> str:
    """What is said, as text.

    Args:
        tell: a text in the reader's language.
    """
    values = said["values"]
    return _BRACES.sub(lambda found: _told(found[1], values[found[1]], tell), tell(SENTENCES[said["kind"]]))


def _told(name: str, value: Any, tell: Callable[[str], str]) -> str:
    if isinstance(value, dict):
        return in_words(Sentence(kind=value["kind"], values=value["values"]), tell)
    if isinstance(value, list | tuple):
        return tell(", ").join(_told(name, item, tell) for item in value)
    if name.endswith("_s") and isinstance(value, int | float):
        return duration_text(max(value, 0.0))
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return tell(str(value)) if name in _WORDS else str(value)


def joined(said: Sequence[Sentence], tell: Callable[[str], str] = _english) -> str:
    """Sentences one after the other; where a full stop is as wide as a letter, nothing stands between them."""
    text = ""
    for each in said:
        text += ("" if not text or text[-1] in "。：" else " ") + in_words(each, tell)
    return text
