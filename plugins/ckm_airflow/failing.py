"""How a task fails: its log ends with one sentence, which the verdict repeats and the record keeps.

Every task of the DAG has tries left for what nobody expects: a process that is killed, a connection that breaks. What
is expected to be the same at the next try ends it at once.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import structlog
from airflow.sdk import get_current_context
from airflow.sdk.exceptions import AirflowFailException, AirflowTaskTimeout

from ckm import nightly
from ckm.errors import CkmError, GateFailed, LoadRunning, sentence_of
from ckm.night import Night
from ckm_airflow.showing import show_failures
from ckm_airflow.turn import hold

log = structlog.get_logger("ckm.nightly")  # the one kind whose level can be set apart from Airflow's own


@contextmanager
def plain_failure(night: Night | None = None) -> Iterator[None]:
    """Turn an expected failure into its sentence, which is shown, kept for the verdict and put on record.

    Raises:
        SystemExit, AirflowFailException: see `give_up`.
        Exception: what was not expected, for Airflow to show and to try again.
    """
    ti = get_current_context()["ti"]
    try:
        yield
    except AirflowTaskTimeout:
        sentence = (
            f"{ti.task_id} took longer than {ti.task.execution_timeout}, which is all that it may take."
        )
        ti.xcom_push("failure", {"task": ti.task_id, "sentence": sentence, "exit_code": 1, "gate": False})
        give_up(sentence, 1)
    except Exception as error:
        expected, sentence = isinstance(error, CkmError), sentence_of(error)
        is_held = isinstance(error, LoadRunning)  # by somebody else, and not for ever
        code, is_gate = getattr(error, "exit_code", 1), isinstance(error, GateFailed)
        said = {"task": ti.task_id, "sentence": sentence, "exit_code": code, "gate": is_gate}
        ti.xcom_push("failure", said)
        if night is not None and expected and not is_held:
            with hold(night.home):
                show_failures(night)
                if is_gate:  # at once, so that a task cleared before the verdict cannot pass the gate by
                    nightly.finish(night, error)
                    log.info(f"Every rule with what it found: {night.home.gate_page}")
        if not expected:
            raise
        give_up(sentence, code, for_now=is_held)


def give_up(sentence: str, code: int, *, for_now: bool = False) -> NoReturn:
    """Fail the task, `for_now` if trying again may help; its log ends with the sentence.

    Airflow prints a traceback for every exception but `SystemExit`, after which it retries while tries are
    left; so only a lasting failure before the last try needs the exception that forbids it.
    """
    ti = get_current_context()["ti"]
    log.error(sentence)
    if for_now or ti.try_number > ti.max_tries:
        sys.exit(code)
    raise AirflowFailException(sentence)
