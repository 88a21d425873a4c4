import random
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from django_tasks_db.models import DBTaskResult

from tasks_demo.tasks import ROUTINES, run_routine

SHOWN = 25


@dataclass(frozen=True)
class Routine:
    """What the page shows of one task; `status` is that of the tasks API."""

    id: UUID
    name: str
    status: str
    remark: str
    enqueued_at: datetime

    @classmethod
    def from_result(cls, result: DBTaskResult) -> "Routine":
        # The tasks API keeps a failure's traceback only; its last line ends in the message.
        excuse = result.traceback.rstrip().rpartition("\n")[2].partition(": ")[2]
        return cls(
            id=result.id,
            name=result.args_kwargs["args"][0],
            status=result.status,
            remark=result.return_value or excuse,
            enqueued_at=result.enqueued_at,
        )


def latest_routines() -> list[Routine]:
    results = DBTaskResult.objects.filter(task_path=run_routine.module_path)
    return [Routine.from_result(result) for result in results.order_by("-enqueued_at")[:SHOWN]]


@require_safe
def routine_list(request: HttpRequest) -> HttpResponse:
    return render(request, "tasks_demo/routine_list.html", {"routines": latest_routines()})


@require_safe
@never_cache
def routine_rows(request: HttpRequest) -> HttpResponse:
    """The rows alone, for the page to poll while something is unfinished."""
    return render(request, "tasks_demo/_rows.html", {"routines": latest_routines()})


@require_POST
def start_routine(request: HttpRequest) -> HttpResponse:
    run_routine.enqueue(random.choice(ROUTINES))
    return redirect("tasks_demo:list")
