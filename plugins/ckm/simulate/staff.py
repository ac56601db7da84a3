"""Employees: a fixed number of posts, each held by one person after another."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ckm.simulate.clock import DAY, Clock
from ckm.simulate.columns import chosen, dates, joined, label, moments
from ckm.simulate.company import Company
from ckm.simulate.draws import Draws
from ckm.simulate.people import FAMILY_NAMES, FIRST, first_and_family
from ckm.simulate.words import DEPARTMENTS, EMPLOYEE_ROLES

SERVICE, SALES, KEY_ACCOUNT = 0, 1, 2
_POST_SHARES = (0.55, 0.30, 0.15)


@dataclass(frozen=True)
class Staff:
    """Posts and their holders.

    `last_day[post, k]` is the last day of work (day number) of the k-th holder; `posts[role]` the posts.
    """

    last_day: np.ndarray
    posts: tuple[np.ndarray, ...]

    def post(self, draws: Draws, name: str, role: int, *ids: np.ndarray) -> np.ndarray:
        """A post of the role for each id."""
        return self.posts[role][draws.below(name, self.posts[role].size, *ids)]

    def holder(self, post: np.ndarray, seconds: np.ndarray) -> np.ndarray:
        """Number of the employee who holds each post at each moment."""
        k = (self.last_day[post] < (seconds // DAY)[:, None]).sum(axis=1)
        return employee_number(post, k, self.last_day.shape[0])

    def holder_since(self, post: np.ndarray, seconds: np.ndarray) -> np.ndarray:
        """Moment at which the holder of each post took it over; 0 for the first holder."""
        k = (self.last_day[post] < (seconds // DAY)[:, None]).sum(axis=1)
        begun = (self.last_day[post, np.maximum(k - 1, 0)] + 1) * DAY + 9 * 3600
        return np.where(k > 0, begun, 0)


def employee_number(post: np.ndarray, k: np.ndarray, posts: int) -> np.ndarray:
    """Number of the k-th holder of a post."""
    return 101 + k * posts + post


def trust(draws: Draws, number: np.ndarray) -> np.ndarray:
    """The hidden trust that customers have in each employee, standard normal."""
    return draws.normal("trust", number)


def hire(company: Company, draws: Draws, clock: Clock, customers: int) -> tuple[Staff, dict]:
    """The staff and the rows of `employees`."""
    count = max(company.fewest_employees, round(customers / company.customers_per_employee))
    post = np.arange(count)
    role = np.searchsorted(np.cumsum(_POST_SHARES)[:-1] * count, post, side="right")
    last_day = np.empty((count, 0), dtype=np.int64)
    day = np.full(count, clock.start)
    while last_day.shape[1] == 0 or day.min() * DAY < clock.end:
        k = last_day.shape[1]
        day = day + 60 + draws.exponential("tenure", company.days_in_post, post, k).astype(np.int64)
        last_day = np.column_stack([last_day, day])
    before = clock.start - 200 - draws.below("hired", 3000, post)
    hired = np.column_stack([before, last_day[:, :-1] + 1])

    known = hired * DAY + 8 * 3600 < clock.end
    post_of, k_of = np.nonzero(known)
    number = employee_number(post_of, k_of, count)
    order = np.argsort(number)
    post_of, k_of, number = post_of[order], k_of[order], number[order]
    hired_on, left_on = hired[post_of, k_of], last_day[post_of, k_of]
    left_at = left_on * DAY + 17 * 3600
    left = left_at < clock.end
    made = np.maximum(hired_on, clock.start) * DAY + 8 * 3600
    first, family, _ = first_and_family(draws, "employee", number)
    rows: dict[str, pa.Array | np.ndarray] = {
        "employee_id": label("MA-", number),
        "full_name": joined(chosen(FIRST, first), " ", chosen(FAMILY_NAMES, family)),
        "role": chosen(EMPLOYEE_ROLES, role[post_of]),
        "department": chosen(DEPARTMENTS, role[post_of]),
        "hired_on": dates(hired_on),
        "left_on": dates(left_on, left),
        "updated_at": moments(np.where(left, left_at, made)),
        "_uid": draws.uid("employees", number),
    }
    return Staff(last_day, tuple(post[role == r] for r in range(3))), rows
