"""The rules of a saga, pure: each transition takes a task and gives the next state with the messages that go out.

    held --its turn--> queued --report--> running --report--> ... --last report--> succeeded
       |                  |                  |
       +-- cancel --------+-- cancel         +-- permanent problem, dead letter, timeout, or cancel at the next report
                               \\             |
                                `--> undo of the awaited step, then of every done step before it --> failed | cancelled

A task is held (to people: queued) until its time has come and few enough of its user's tasks are in flight. The commit
step is the point of no return. Before it a task can be cancelled and a failure walks back. Once it is sent
its effect may have happened, so a lost commit, and everything behind it, is only ever tried again; a commit that its
worker says it refused walks back. An undo is tried until it is done.

A transition returns None when there is nothing to change: reports may come twice, late, or for another step.
"""

from datetime import datetime, timedelta

import msgspec

from contracts.errors import Conflict, DeadlineExceeded, Problem, Unavailable, raised
from contracts.tasks import START, StartTask, StepReport
from contracts.wire import DeadLetter
from nodes.tasks import notices
from nodes.tasks.sagas import KEEP_TRYING, UNDO, Saga, saga_of
from nodes.tasks.state import Change, DoneStep, LogEntry, LogEvent, Message, Outcome, TaskState

MESSAGE_LIMIT = 500
"""Characters of an error message that are kept."""


def begin(task: TaskState, at: datetime, *, turn: bool = True) -> Change:
    """Send the first step, or hold the task until it is its `turn` and its time has come.

    What was done before the task existed (the reservation) counts as done.
    """
    saga = saga_of(task)
    done = tuple(DoneStep(name=step.name) for step in saga.steps[: _first(saga)])
    task = _with(task, done=done, place="held", ready_at=task.start_at or at)
    if task.start_at is not None and task.start_at > at:
        schedule = Message(START.subject, StartTask(task_id=task.task_id), f"{task.task_id}:start", task.start_at)
        return _change(task, at, "created", None, "Waiting for its time", (schedule,))
    if not turn:
        return _change(task, at, "created", None, "Waiting for its turn")
    return _set_out(saga, task, at, "created")


def take_turn(task: TaskState, at: datetime) -> Change | None:
    """It is the held task's turn: send the first step."""
    if task.place != "held" or (task.start_at is not None and task.start_at > at):
        return None
    return _set_out(saga_of(task), task, at, "sent")


def settle(task: TaskState, report: StepReport, at: datetime) -> Change | None:
    """Apply the report of a worker, whichever kind it is."""
    if task.ended or report.step != task.step:
        return None
    if report.begun:
        return started(task, report, at)
    task = _counted(task, report.deliveries, at)
    if report.problem is not None:
        return fail(task, report.step, report.problem, at)
    return undone(task, report, at) if report.step.endswith(UNDO) else advance(task, report, at)


def started(task: TaskState, report: StepReport, at: datetime) -> Change | None:
    """A worker has taken up the first step."""
    if report.step != task.step or task.status != "queued" or task.outcome is not None:
        return None
    step = saga_of(task).at(report.step)
    task = _counted(task, 1, at)
    task = _with(task, due_at=_due(task, at, step.timeout))  # it no longer waits in a queue
    return _change(task, at, "begun", report.step, step.sentence)


def advance(task: TaskState, report: StepReport, at: datetime) -> Change | None:
    """The awaited step is done: send the next one, walk back if the user has cancelled, or end."""
    if task.ended or report.step != task.step or report.step.endswith(UNDO):
        return None
    saga, here = saga_of(task), saga_of(task).index(report.step)
    task = _with(task, done=(*task.done, DoneStep(name=report.step, images=report.images)))
    if task.cancel_requested and not saga.committing(report.step):
        return _walk_back(saga, _with(task, outcome="cancelled"), here, at, "done", report.step)
    if here + 1 == len(saga.steps):
        return _succeed(task, at, report.step)
    task = _awaiting(saga, task, saga.steps[here + 1].name, at)
    return _change(task, at, "done", report.step, saga.steps[here + 1].sentence, (_order(saga, task),))


def fail(
    task: TaskState, step: str, problem: Problem, at: datetime, *, refused: bool = True, event: LogEvent = "failed"
) -> Change | None:
    """The awaited step failed for good: walk back, or try again later where there is no way back.

    `refused`: the worker itself says so, hence a commit has not happened; False for a dead letter, where it may have.
    """
    if task.ended or step != task.step:
        return None
    saga = saga_of(task)
    if not saga.retry(step).gives_up or (saga.committing(step) and not refused):
        return _postpone(saga, task, step, problem, at)
    outcome: Outcome = "cancelled" if task.cancel_requested else "failed"
    if outcome == "failed":
        task = _with(task, error_code=problem.code, error_message=problem.detail[:MESSAGE_LIMIT])
    return _walk_back(saga, _with(task, outcome=outcome), saga.index(step), at, event, step)


def bury(task: TaskState, step: str, letter: DeadLetter, at: datetime) -> Change | None:
    """The message of the awaited step went to the dead letters."""
    if task.ended or step != task.step:
        return None
    sentence = saga_of(task).at(step).sentence
    task = _counted(task, letter.deliveries, at)
    return fail(task, step, _problem_of(letter, sentence), at, refused=False)


def cancel(task: TaskState, at: datetime) -> Change | None:
    """The user wants it stopped: at once while queued, otherwise when the awaited step reports.

    Raises Conflict for a task that has ended otherwise, is failing already, or is past its commit point.
    """
    if task.status == "cancelled" or task.cancel_requested:
        return None
    if task.ended or task.outcome is not None:
        raise Conflict("The task has ended." if task.ended else "The task has failed and is being undone.")
    saga = saga_of(task)
    if task.step is not None and saga.committing(task.step):
        raise Conflict(saga.words.too_late)
    task = _with(task, cancel_requested=True)
    if task.status != "queued":
        return _change(task, at, "stopping", task.step, "Stopping")
    begun = _first(saga) - 1 if task.step is None else saga.index(task.step)
    return _walk_back(saga, _with(task, outcome="cancelled"), begun, at, "stopping", task.step)


def undone(task: TaskState, report: StepReport, at: datetime) -> Change | None:
    """The awaited undo is done: send the one before it, or end."""
    if task.ended or report.step != task.step or not report.step.endswith(UNDO):
        return None
    saga = saga_of(task)
    task = _with(task, undone=(*task.undone, report.step.removesuffix(UNDO)))
    return _walk_back(saga, task, saga.index(report.step) - 1, at, "undone", report.step)


def resend(task: TaskState, at: datetime, *, gone: bool = True) -> Change | None:
    """The awaited step's time is over: send it again if its message is `gone`, or look again later.

    A task whose own time is over is given up.
    """
    if task.ended or task.step is None or task.due_at is None or task.due_at > at:
        return None
    saga = saga_of(task)
    if _expires(saga, task) and task.expires_at is not None and task.expires_at <= at:
        late = DeadlineExceeded(f"It was not finished within {saga.timeout / 60:.0f} minutes.").problem()
        return fail(task, task.step, late, at, refused=False, event="expired")
    if gone:
        return send_again(task, at)
    task = _with(task, due_at=_due(task, at, saga.at(task.step).timeout))
    return _change(task, at, "waiting", task.step, _sentence(saga, task))


def send_again(task: TaskState, at: datetime) -> Change | None:
    """Send the awaited step again, under a new message id, because its message is known to be gone."""
    if task.ended or task.step is None:
        return None
    saga, attempt = saga_of(task), task.attempt + 1
    wait = min(saga.at(task.step).timeout * 2 ** min(attempt, 10), saga.retry(task.step).most)
    task = _with(task, attempt=attempt, postponed=False, due_at=_due(task, at, wait))
    return _change(task, at, "resent", task.step, _sentence(saga, task), (_order(saga, task),))


def awaited(task: TaskState) -> Message | None:
    """The message on which the task waits, as it was sent last."""
    return None if task.ended or task.step is None else _order(saga_of(task), task)


def _first(saga: Saga) -> int:
    return next(i for i, step in enumerate(saga.steps) if step.order is not None)


def _set_out(saga: Saga, task: TaskState, at: datetime, event: LogEvent) -> Change:
    task = _with(task, expires_at=at + timedelta(seconds=saga.timeout))
    task = _awaiting(saga, task, saga.steps[_first(saga)].name, at)
    return _change(task, at, event, None, saga.words.waiting, (_order(saga, task),))


def _expires(saga: Saga, task: TaskState) -> bool:
    """Can the task still be given up?"""
    return task.outcome is None and task.step is not None and not saga.committing(task.step)


def _due(task: TaskState, at: datetime, wait: float) -> datetime:
    """After `wait` seconds, or when the task expires if that comes first."""
    due = at + timedelta(seconds=wait)
    return min(due, task.expires_at) if _expires(saga_of(task), task) and task.expires_at is not None else due


def _succeed(task: TaskState, at: datetime, step: str) -> Change:
    urls = saga_of(task).results(task)
    task = _with(_at_rest(task, at), status="succeeded", result_urls=urls)
    return _change(task, at, "finished", step, notices.ended(task), notices.farewell(task))


def _at_rest(task: TaskState, at: datetime) -> TaskState:
    return _with(task, place=None, step=None, due_at=None, expires_at=None, attempt=0, postponed=False, completed_at=at)


def _walk_back(saga: Saga, task: TaskState, start: int, at: datetime, event: LogEvent, step: str | None) -> Change:
    """Undo what lies at `start` and before; end when there is nothing left to undo."""
    for definition in reversed(saga.steps[: start + 1]):
        if definition.undo is not None:
            task = _awaiting(saga, task, definition.name + UNDO, at)
            return _change(task, at, event, step, _sentence(saga, task), (_order(saga, task),))
    task = _with(_at_rest(task, at), status=task.outcome or "failed")
    return _change(task, at, "finished", step, notices.ended(task), notices.farewell(task))


def _postpone(saga: Saga, task: TaskState, step: str, problem: Problem, at: datetime) -> Change:
    """Never given up: the reconciler sends it again after a pause that grows, at the latest when it is due anyway."""
    retry = saga.retry(step) if not saga.retry(step).gives_up else KEEP_TRYING
    due = at + timedelta(seconds=min(retry.first * 2 ** min(task.attempt, 10), retry.most))
    task = _with(task, postponed=True, due_at=min(due, task.due_at or due))
    return _change(task, at, "postponed", step, "Trying again soon", error=problem.code)


def _awaiting(saga: Saga, task: TaskState, step: str, at: datetime) -> TaskState:
    task = _with(task, place="sent", step=step, attempt=0, postponed=False)
    return _with(task, due_at=_due(task, at, saga.at(step).timeout))


def _counted(task: TaskState, deliveries: int, at: datetime) -> TaskState:
    """Deliveries beyond the first are retries; a report on a queued task shows that it has started."""
    task = _with(task, retry_count=task.retry_count + max(0, deliveries - 1))
    if task.status != "queued" or task.outcome is not None:
        return task
    return _with(task, status="running", started_at=at)


def _order(saga: Saga, task: TaskState) -> Message:
    step = task.step or ""
    order, again = saga.order(step), f":r{task.attempt}" if task.attempt else ""
    subject = order.queue.subject_of(task.headers.get("tier", "free"))
    return Message(subject, order.build(task, step), f"{task.task_id}:{step}{again}")


def _sentence(saga: Saga, task: TaskState) -> str:
    step = task.step or ""
    return "Cleaning up" if step.endswith(UNDO) else saga.at(step).sentence


def _change(
    task: TaskState,
    at: datetime,
    event: LogEvent,
    step: str | None,
    detail: str,
    messages: tuple[Message, ...] = (),
    error: str | None = None,
) -> Change:
    """Number the change. Its progress goes out before the work that it tells of, so that watchers see it in order."""
    share = saga_of(task).share(frozenset(done.name for done in task.done))
    task = _with(task, seq=task.seq + 1, rev=task.rev + 1, updated_at=at, progress=share)
    entry = LogEntry(
        seq=task.seq,
        at=at,
        event=event,
        step=step,
        attempt=task.attempt,
        error=error or task.error_code,
        detail=detail,
        status=task.status,
        next_step=task.step,
        progress=task.progress,
    )
    return Change(task, entry, (notices.progressed(task, entry), *messages))


def _problem_of(letter: DeadLetter, sentence: str) -> Problem:
    """A client's error keeps its sentence; the text of anything else is for operators only."""
    error = raised(Problem(title="", status=0, code=letter.reason, detail=letter.detail))
    if error.status < 500:
        return error.problem()
    return Unavailable(f"{sentence} did not work after {max(1, letter.deliveries)} tries.").problem()


def _with(task: TaskState, **changes: object) -> TaskState:
    return msgspec.structs.replace(task, **changes)
