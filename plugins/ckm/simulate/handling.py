"""How complaints are handled: who acts when, who hands on, what is late, reopened or closed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ckm.simulate.clock import DAY, NEVER, at_any_hour
from ckm.simulate.company import Company
from ckm.simulate.draws import Draws
from ckm.simulate.office import after

if TYPE_CHECKING:
    from ckm.simulate.complaints import Complaints


@dataclass(frozen=True)
class Handling:
    """The moments of each complaint's handling, NEVER for steps that are not taken; `until` is not applied."""

    assigned: np.ndarray
    """Handed on by whoever received it."""
    begun: np.ndarray
    """First action."""
    contacted: np.ndarray
    """The customer is met once more."""
    escalated: np.ndarray
    resolved: np.ndarray
    reopened: np.ndarray
    resolved_again: np.ndarray
    closed: np.ndarray
    due: np.ndarray
    is_bad: np.ndarray
    """Overdue or reopened."""
    leaves: np.ndarray
    """Moment at which the customer leaves over it."""

    @property
    def ended(self) -> np.ndarray:
        """Moment of the last resolution."""
        return np.where(self.resolved_again < NEVER, self.resolved_again, self.resolved)


def handle(company: Company, draws: Draws, complaints: Complaints) -> Handling:
    """The handling of each complaint."""
    c, uid, received = company.complaining, complaints.uid, complaints.received
    slow = draws.happens("handling.slow", c.slow_rate, uid)
    handed_on = draws.happens("handling.handed on", c.handed_on_rate, uid)
    at_once = ~slow & ~handed_on & draws.happens("handling.at once", c.at_once_rate, uid)
    assigned = np.where(handed_on, after(received, draws.between("handling.assign", 0.1, 2.0, uid)), NEVER)

    mean = np.where(slow, c.first_hours[1], c.first_hours[0])
    first_met = np.where(handed_on, assigned, received)
    begun = after(first_met, 0.02 + draws.exponential("handling.first", mean, uid))
    mean = np.where(slow, c.resolve_hours[1], c.resolve_hours[0])
    hours = np.where(
        at_once,
        draws.between("handling.at once.hours", 0.05, 0.4, uid),
        0.5 + draws.exponential("handling.hours", mean, uid),
    )
    resolved = after(begun, hours)
    met_again = ~at_once & draws.happens("handling.contact", 0.6, uid)
    contacted = after(begun, hours * draws.between("handling.contact.part", 0.2, 0.9, uid))

    due = after(received, c.due_hours)
    overdue = resolved > due
    noticed = after(due, 0.5)
    escalated = slow & (resolved > noticed) & draws.happens("handling.escalated", c.escalated_rate, uid)
    rate = np.where(slow, c.reopened_rates[1], c.reopened_rates[0])
    disputed = draws.happens("handling.reopened", rate, uid)
    day = resolved // DAY + 1 + draws.below("handling.reopened.day", 9, uid)
    reopened = at_any_hour(day, draws.uniform("handling.reopened.hour", uid))
    again = after(reopened, 0.5 + draws.exponential("handling.again", 12.0, uid))
    ended = np.where(disputed, again, resolved)
    is_bad = overdue | disputed
    leaves = is_bad & (complaints.customer >= 0) & draws.happens("handling.leaves", c.leave_rate, uid)
    return Handling(
        assigned=assigned,
        begun=begun,
        contacted=np.where(met_again, contacted, NEVER),
        escalated=np.where(escalated, noticed, NEVER),
        resolved=resolved,
        reopened=np.where(disputed, reopened, NEVER),
        resolved_again=np.where(disputed, again, NEVER),
        closed=after(ended, 24.0),
        due=due,
        is_bad=is_bad,
        leaves=np.where(leaves, ended, NEVER),
    )
