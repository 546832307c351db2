"""A run's graph in memory: its steps, what they wait for, and what the value of a flow stands for.

An input is `(step, path, need)`. A step waits by a counter; whoever it waits for keeps it in `dependents`. The value of
a flow is an *alias*: a node whose REF nodes name steps that its layout made. Whoever needs a part of a flow's value
waits for exactly the steps which that part names, as soon as the layout is known.
"""

from __future__ import annotations

from collections.abc import Iterator

from partita.core.records import Profile
from partita.core.states import BAD, Kind, Mark, Need, State
from partita.values import LIST, OUTCOME, REF, Node, Path, navigate, refs_of, unpack

__all__ = [
    "Input", "Run", "Step", "alias_of", "descendants", "first_failure", "follow", "is_within", "leaves", "link",
    "note_passing", "note_unmet", "path_of",
]  # fmt: skip

Input = tuple[int, Path, Need]


class Step:
    """One step of a run. Mutable; only `core.machine` changes it."""

    __slots__ = (
        "alias", "attempts", "children", "crashes", "dependents", "due_at", "error", "failures", "fallback", "fallback_of",
        "finished", "holders", "id", "inputs", "kind", "marks", "name", "open_children", "parent", "passed_on", "policy",
        "profile", "state", "waiting",
    )  # fmt: skip

    def __init__(
        self, id: int, parent: int, name: str, kind: Kind, profile: int, inputs: tuple[Input, ...], fallback_of: int
    ) -> None:
        self.id = id
        self.parent = parent  # id of the flow step that it stands in, -1: it is the root
        self.name = name
        self.kind = kind
        self.profile = profile  # position in the run's profiles, -1: none
        self.inputs = inputs
        self.fallback_of = fallback_of  # the step whose failure makes this one run, -1: none
        self.fallback = -1  # the step that runs when this one fails, -1: none
        self.state = State.PENDING
        self.marks = 0
        self.waiting = 1  # inputs not yet there; one more until the layout that made the step is complete
        self.dependents: list[int | Input] | None = None  # ids, or (id, path, need) where those are not ((), VALUE)
        self.passed_on: list[int | Input] | None = (
            None  # likewise, those that do not wait for this step itself any more
        )
        self.holders = 0  # unfinished layouts that may still use the ref
        self.alias: Node | None = None
        self.policy: list[object] | None = None  # of a GATHER
        self.children: list[list[int]] | None = None  # ranges [first, end) of the ids of its direct children
        self.open_children = 0  # direct children that are not final
        self.attempts = 0  # number of the last attempt
        self.failures = 0  # attempts that the user's code failed
        self.crashes = 0  # attempts that the machinery failed
        self.due_at: float | None = None
        self.finished = 0
        self.error: bytes | None = None

    def __repr__(self) -> str:
        return f"<Step {self.id} {self.name} {State(self.state).name.lower()}>"


class Run:
    """One run's state, as the machine sees it."""

    __slots__ = ("finished", "id", "next_id", "number", "profiles", "steps", "undos", "unjudged")

    def __init__(self, number: int, id: str) -> None:
        self.number = number
        self.id = id
        self.steps: dict[int, Step] = {}
        self.profiles: list[Profile] = []
        self.next_id = 0
        self.finished = 0  # how many steps have ended: the order in which compensation goes back
        self.unjudged: set[int] = (
            set()
        )  # failed steps of which it is not yet known whether anybody looks at the failure
        self.undos: dict[int, list[int]] = {}  # by flow: finished steps still to be undone, the next one last

    @property
    def root(self) -> Step:
        return self.steps[0]

    @property
    def state(self) -> State:
        return self.steps[0].state


def path_of(run: Run, step: int) -> str:
    """The step's path for people. A long chain of calls of one flow by itself is shown as its number of rounds."""
    names: list[str] = []
    current = run.steps.get(step)
    while current is not None and current.parent >= 0:
        names.append(current.name)
        current = run.steps.get(current.parent)
    names.reverse()
    if len(names) > 12:
        names = [*names[:3], f"…{len(names) - 6} more…", *names[-3:]]
    return "/".join(names) or (current.name if current is not None else "")


def alias_of(run: Run, step: Step) -> Node | None:
    """The node that stands for the step's value, where other steps make up that value; None for a plain value."""
    if step.kind == Kind.FLOW:
        return step.alias
    if step.kind == Kind.SETTLE:
        return _outcome(run, step.inputs[0])
    if step.kind == Kind.GATHER:
        return _gathered(run, step)
    return None


def _outcome(run: Run, source: Input) -> Node:
    step, path = _last_of_fallbacks(run, source[0]), source[1]
    failure = first_failure(run, step, path)
    if failure is None:
        return [OUTCOME, True, [REF, source[0], list(path)], None]
    return [OUTCOME, False, None, unpack(failure.error) if failure.error else None]


def _gathered(run: Run, step: Step) -> Node:
    policy = step.policy[0] if step.policy else "all"
    if policy == "settle":
        return [LIST, [_outcome(run, source) for source in step.inputs]]
    sources = step.inputs
    if policy == "at_least":
        sources = tuple(s for s in sources if first_failure(run, run.steps[s[0]], s[1]) is None)
    return [LIST, [[REF, source, list(path)] for source, path, _ in sources]]


def first_failure(run: Run, step: Step, path: Path) -> Step | None:
    """The first step because of which this part of a value cannot be had, None where it can."""
    if not path:
        step = _last_of_fallbacks(run, step.id)
        if step.state != State.SUCCEEDED:
            return step
        if step.kind != Kind.FLOW or step.marks & Mark.WHOLE:
            return None
    for leaf, is_there in leaves(run, step.id, path):
        if leaf.marks & Mark.UNMET and leaf is not step:
            continue  # a flow's value has None there
        if not is_there or leaf.state != State.SUCCEEDED:
            return leaf
    return None


def leaves(run: Run, step: int, path: Path) -> Iterator[tuple[Step, bool]]:
    """The steps that make up this part of a value; False with one whose value has no such part.

    A flow that failed stands for itself: what parts of its value came to be depends on what was running then.
    """
    stack = [(step, path)]
    while stack:
        number, rest = stack.pop()
        current = _last_of_fallbacks(run, number)
        if current.kind != Kind.FLOW or current.alias is None or current.state in BAD:
            yield current, True
            continue
        try:
            node, rest = navigate(current.alias, rest)
        except (LookupError, TypeError):
            yield current, False
            continue
        if node[0] == REF:
            stack.append((node[1], (*node[2], *rest)))
        else:
            stack.extend(refs_of(node))


def _last_of_fallbacks(run: Run, step: int) -> Step:
    found = run.steps[step]
    while found.state == State.FAILED and found.fallback >= 0:
        found = run.steps[found.fallback]
    return found


def follow(run: Run, step: int, path: Path) -> tuple[int, Path, Node | None]:
    """Go through flows and fallbacks to where a value really lies.

    Returns a step with what is left of the path, and a node instead where the path ended in a structure (a structure
    of refs, or a constant that a flow returned).

    Raises:
        LookupError: the value has no such part.
    """
    while True:
        current = run.steps[step]
        if current.state == State.FAILED and current.fallback >= 0:
            step = current.fallback
            continue
        if current.kind != Kind.FLOW or current.alias is None:
            return step, path, None
        node, rest = navigate(current.alias, path)
        if node[0] != REF:
            return step, rest, node
        step, path = node[1], (*node[2], *rest)


def link(run: Run, consumer: Step, source: Input) -> int:
    """Make the consumer wait for one input.

    Returns how many steps it waits for by that; where the input can never be had, -(id + 1) of the step that is to
    blame.
    """
    need = source[2]
    if need == Need.HOLD:
        run.steps[source[0]].holders += 1
        return 0
    pending = 0
    entry: int | Input
    stack: list[tuple[int, Path]] = [(source[0], source[1])]
    while stack:
        step, path = stack.pop()
        target = run.steps[step]
        state = target.state
        if state == State.SUCCEEDED and target.alias is None:
            continue
        entry = consumer.id if not path and need == Need.VALUE else (consumer.id, path, need)
        if state == State.FAILED and target.fallback >= 0:
            stack.append((target.fallback, path))
        elif _is_transparent(target, path, need):
            _pass_on(target, entry)
            reached = _through(target, path, need)
            if reached is None:
                return -(step + 1)
            stack.extend(reached)
        elif state in BAD:
            _pass_on(target, entry)
            if target.marks & Mark.UNMET:
                note_unmet(consumer, target, need)
            elif need != Need.FINAL:
                return -(step + 1)
        elif state == State.SUCCEEDED:
            _pass_on(target, entry)
        else:
            if target.dependents is None:
                target.dependents = []
            target.dependents.append(entry)
            pending += 1
    return pending


def note_unmet(consumer: Step, target: Step, need: Need) -> None:
    """Note at a step that has not begun that one that it needs was skipped: it will be skipped too, unless it fails first.

    Not at once: a failure that is still to come counts for more, and the answer must not depend on which comes first.
    """
    if need in (Need.VALUE, Need.SHAPE) and consumer.state == State.PENDING:
        consumer.marks |= Mark.UNMET
        consumer.error = consumer.error or target.error


def note_passing(run: Run, flow: Step) -> None:
    """Note at steps outside the flow that its value holds them: who looks at the flow's end looks at theirs."""
    if flow.alias is not None:
        for step, _ in refs_of(flow.alias):
            if step < flow.id:
                _pass_on(run.steps[step], (flow.id, (), Need.HOLD))


def _pass_on(target: Step, entry: int | Input) -> None:
    if target.passed_on is None:
        target.passed_on = []
    target.passed_on.append(entry)


def _is_transparent(target: Step, path: Path, need: Need) -> bool:
    """Whether the wait goes on to what the flow's layout made, rather than to the flow itself."""
    if target.kind != Kind.FLOW or target.alias is None or not target.marks & Mark.EXPANDED:
        return False
    if target.fallback >= 0 and target.state != State.SUCCEEDED:
        return False  # it may still fail, and then the fallback's value counts
    # A flow's end says nothing yet of what it only passes on.
    is_partial = target.state == State.SUCCEEDED and not target.marks & Mark.WHOLE
    return need != Need.FINAL or bool(path) or is_partial


def _through(target: Step, path: Path, need: Need) -> list[tuple[int, Path]] | None:
    assert target.alias is not None
    try:
        node, rest = navigate(target.alias, path)
    except (LookupError, TypeError):
        return None
    if node[0] == REF:
        return [(node[1], (*node[2], *rest))]
    return [] if need == Need.SHAPE else refs_of(node)


def is_within(run: Run, step: int, flow: int) -> bool:
    """Whether the step stands somewhere below the flow."""
    current = run.steps.get(step)
    while current is not None and current.id > flow:
        if current.parent == flow:
            return True
        current = run.steps.get(current.parent)
    return False


def descendants(run: Run, flow: Step) -> Iterator[Step]:
    """Every step below the flow, at any depth."""
    stack = [flow]
    while stack:
        for first, end in stack.pop().children or ():
            for number in range(first, end):
                step = run.steps.get(number)
                if step is not None:
                    yield step
                    if step.children:
                        stack.append(step)
