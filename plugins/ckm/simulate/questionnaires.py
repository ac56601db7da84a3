"""Questionnaires: the surveys that the company holds, and their questions."""

import numpy as np
import pyarrow as pa

from ckm.simulate.clock import DAY, Clock
from ckm.simulate.columns import chosen, dates, moments
from ckm.simulate.draws import Draws
from ckm.simulate.phrases import QUESTIONS, SURVEYS

_SURVEY_IDS = [survey[0] for survey in SURVEYS]


def survey_ids(survey: np.ndarray) -> pa.Array:
    """Native ids of surveys."""
    return chosen(_SURVEY_IDS, survey)


def survey_rows(draws: Draws, clock: Clock) -> dict:
    """The rows of `surveys`."""
    survey = np.arange(len(SURVEYS))
    first_day = np.full(survey.size, clock.start)
    return {
        "survey_id": survey_ids(survey),
        "survey_name": chosen([name for _, name, _, _ in SURVEYS], survey),
        "survey_type": chosen([kind for _, _, kind, _ in SURVEYS], survey),
        "channel": chosen([channel for _, _, _, channel in SURVEYS], survey),
        "opened_on": dates(first_day),
        "closed_on": dates(first_day, survey < 0),
        "updated_at": moments(first_day * DAY + 6 * 3600),
        "_uid": draws.uid("surveys", survey),
    }


def question_rows(draws: Draws, clock: Clock) -> dict:
    """The rows of `questions`."""
    survey = np.array([question[0] for question in QUESTIONS])
    return {
        "survey_id": survey_ids(survey),
        "question_id": pa.array([question[1] for question in QUESTIONS]),
        "question_text": pa.array([question[6] for question in QUESTIONS]),
        "construct": pa.array([question[2] for question in QUESTIONS]),
        "question_number": 1 + np.arange(survey.size) - np.searchsorted(survey, survey),
        "scale_min": pa.array([question[3] for question in QUESTIONS], pa.int64()),
        "scale_max": pa.array([question[4] for question in QUESTIONS], pa.int64()),
        "is_reversed": pa.array([question[5] for question in QUESTIONS]),
        "updated_at": moments(np.full(survey.size, clock.start * DAY + 6 * 3600)),
        "_uid": draws.uid("questions", np.arange(survey.size)),
    }
