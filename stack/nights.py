"""Nights of the DAG as the scheduler runs them: switched on, triggered, and told task by task."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.error import HTTPError
from zoneinfo import ZoneInfo

from stack.rest import Rest

DAG = "/dags/ckm_nightly"
ENDED = ("success", "failed")


def switch_on(rest: Rest) -> None:
    """Let the scheduler run the DAG: what was triggered, and every night of its schedule."""
    rest.patch(f"{DAG}?update_mask=is_paused", {"is_paused": False})


def trigger(rest: Rest, night: str) -> str:
    """Have a night loaded; returns the id of its run."""
    return rest.post(f"{DAG}/dagRuns", {"logical_date": None, "conf": {"date": night}})["dag_run_id"]


def tasks(rest: Rest, run_id: str) -> list[dict[str, Any]]:
    """The task instances of a run, in the order in which they ended, the living ones last."""
    found = rest.get(f"{DAG}/dagRuns/{run_id}/taskInstances?limit=100")["task_instances"]
    return sorted(found, key=lambda task: (task["end_date"] is None, task["end_date"] or "", task["task_id"]))


def seconds(task: dict[str, Any]) -> float:
    """How long a task ran, 0 where it never did."""
    if not task["start_date"] or not task["end_date"]:
        return 0.0
    return (moment(task["end_date"]) - moment(task["start_date"])).total_seconds()


def moment(text: str) -> datetime:
    """A time as Airflow writes it."""
    return datetime.fromisoformat(text)


@dataclass
class Told:
    """What has been said of the runs so far: each run, each of its tasks and its end are told once."""

    rest: Rest
    zone: ZoneInfo
    said: set[tuple[str, ...]] = field(default_factory=set)

    def pass_over(self) -> None:
        """Say nothing of the runs that have ended by now."""
        for run in self._runs():
            if run["state"] in ENDED:
                self.said |= {(run["dag_run_id"],), (run["dag_run_id"], "end")}

    def news(self) -> Iterator[str]:
        """Lines on what has happened since the last call, as `ckm run` prints them."""
        for run in self._runs():
            name = run["dag_run_id"]
            if (name, "end") in self.said or run["state"] == "queued":
                continue
            if self._is_new(name):
                yield f"── {self._night(run)}, run {name}"
            for task in tasks(self.rest, name):
                if task["state"] in ENDED and self._is_new(name, task["task_id"], str(task["map_index"])):
                    yield self._line(name, task)
            if run["state"] in ENDED:
                self.said.add((name, "end"))
                yield f"── {self._night(run)}: {'published' if run['state'] == 'success' else run['state']}"

    def _runs(self) -> list[dict[str, Any]]:
        return self.rest.get(f"{DAG}/dagRuns?order_by=run_after&limit=100")["dag_runs"]

    def _is_new(self, *what: str) -> bool:
        if what in self.said:
            return False
        self.said.add(what)
        return True

    def _night(self, run: dict[str, Any]) -> str:
        given = (run["conf"] or {}).get("date")
        return f"night of {given or moment(run['data_interval_start']).astimezone(self.zone).date()}"

    def _line(self, run_id: str, task: dict[str, Any]) -> str:
        name = task["task_id"]
        if task["map_index"] >= 0:
            name += f" {self._left(run_id, 'prepare')[task['map_index']]}"
        if task["state"] == "success":
            result = self._left(run_id, task["task_id"], task["map_index"])
            text = result if isinstance(result, str) else ""
        else:
            failure = self._left(run_id, task["task_id"], task["map_index"], "failure")
            text = f"failed: {failure['sentence'] if failure else 'see its log'}"
        return f"  {name:<20} {seconds(task):6.1f} s  {text}".rstrip()

    def _left(self, run_id: str, task_id: str, map_index: int = -1, key: str = "return_value") -> Any:
        """What a task has left for others under this key, None where it has left nothing."""
        path = f"{DAG}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/{key}"
        try:
            return self.rest.get(f"{path}?map_index={map_index}&deserialize=true")["value"]
        except HTTPError as error:
            if error.code != 404:
                raise
            return None
