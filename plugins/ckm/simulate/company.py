"""The simulated company: the frozen parameters of every process, so that its truth is known."""

from dataclasses import dataclass, field
from datetime import date


@dataclass(frozen=True)
class AccountHabits:
    """How people write themselves down in systems other than the CRM, drawn per person and system."""

    states_number_share: float = 0.35
    email_shares: tuple[float, ...] = (0.40, 0.40, 0.20)
    """As in the CRM, the person's private one, none."""
    second_address_share: float = 0.15
    """Persons whose private address is another one in this system than elsewhere."""
    shows_name_share: float = 0.90
    """Readers and people invited whose account has a name to show."""
    phone_shares: tuple[float, ...] = (0.30, 0.20, 0.50)
    """The same number written otherwise, another one, none."""
    spelling_shares: tuple[float, ...] = (0.58, 0.12, 0.08, 0.08, 0.06, 0.08)
    """As in the CRM, mistyped, initial only, family name first, nickname, without umlauts."""
    states_company_share: float = 0.70
    states_birth_year_share: float = 0.70


@dataclass(frozen=True)
class Reading:
    """How customers come to know: visits to the knowledge base and what reaches them there."""

    articles: int = 150
    experts: int = 12
    external_expert_share: float = 0.35
    lasting_articles: int = 60
    """Articles there from the start that are never taken back."""
    visit_shape: float = 0.8
    days_between_visits: float = 105.0
    mode_shares: tuple[float, ...] = (0.74, 0.14, 0.06, 0.06)
    """Search, push, comparison, agent."""
    click_rate: float = 0.55
    anonymous_rate: float = 0.20
    unread_push_rate: float = 0.35
    says_rate: float = 0.45
    helpful_rate: float = 0.76
    solved_rate: float = 0.58
    complaint_rate: float = 0.12
    """Share of complaints with which the employee hands an article on."""


@dataclass(frozen=True)
class Complaining:
    """What makes customers complain and how the company handles it; hours are business hours."""

    failed_rate: float = 0.22
    late_rate: float = 0.08
    returned_rate: float = 0.10
    product_rate: float = 0.010
    invoice_rate: float = 0.005
    service_rate: float = 0.004
    other_rate: float = 0.003
    contract_rate: float = 0.05
    """Share of subscriptions with a complaint about the contract."""
    recipient_rate: float = 0.04
    """Share of complaints about orders made by somebody else than the customer."""
    knowledge_days: int = 90
    knowledge_effect: float = 0.35
    """Share of the complaints that does not arise where something was read within `knowledge_days`."""
    recurrence_rate: float = 0.10
    recurrence_days: int = 60

    slow_rate: float = 0.22
    handed_on_rate: float = 0.40
    at_once_rate: float = 0.65
    first_hours: tuple[float, float] = (1.5, 12.0)
    """Mean hours to the first action, of fast and of slow handling."""
    resolve_hours: tuple[float, float] = (9.0, 42.0)
    due_hours: float = 40.0
    escalated_rate: float = 0.60
    """Share of the slow and overdue ones."""
    reopened_rates: tuple[float, float] = (0.06, 0.16)
    rejected_rate: float = 0.05
    compensated_rate: float = 0.30
    leave_rate: float = 0.12
    """Chance that a badly handled complaint (overdue or reopened) makes the customer leave at its end."""


@dataclass(frozen=True)
class Asking:
    """Whom the company asks, who answers, and how hidden attitudes become answers.

    Attitudes are standard normal; loadings, paths and effects are in their standard deviations. A score is
    `mean + spread * (what it measures + noise of variance 1)`, rounded and kept within its scale.
    """

    quarterly_share: float = 0.30
    yearly_share: float = 0.25
    delivery_share: float = 0.20
    complaint_share: float = 0.80
    uninvited_per_customer: float = 0.015
    observations_per_customer: float = 0.060
    response_logit: float = -1.0
    response_loyalty: float = 0.35
    """Loyal customers answer more often: one standard deviation of loyalty adds this to the logit."""
    days_to_response: float = 3.5
    remind_after_days: int = 7
    unfinished_rate: float = 0.08

    item_loading: float = 0.85
    satisfaction_paths: tuple[tuple[str, float], ...] = (("brand", 0.25), ("quality", 0.30), ("value", 0.25))
    value_paths: tuple[tuple[str, float], ...] = (("quality", 0.30),)
    loyalty_paths: tuple[tuple[str, float], ...] = (
        ("satisfaction", 0.30), ("brand", 0.20), ("value", 0.15), ("switching_cost", 0.20)
    )  # fmt: skip
    item_scale: tuple[float, float] = (6.8, 1.8)
    nps_scale: tuple[float, float] = (8.2, 2.2)
    csat_scale: tuple[float, float] = (4.1, 0.9)
    ces_scale: tuple[float, float] = (2.6, 1.3)
    complaint_csat_scale: tuple[float, float] = (3.6, 1.1)
    loyalty_loading: float = 0.80
    failed_delivery_effect: float = -0.30
    bad_handling_effect: float = -0.30
    trust_effect: float = 0.25
    memory_days: int = 90
    """How long a failed delivery, a bad handling or a meeting with an employee counts."""


@dataclass(frozen=True)
class CoCreating:
    """The community: who joins, what members contribute, what initiatives cost and bring.

    Money per month and initiative is EUR per customer of the company, since a larger company thinks larger.
    """

    member_share: float = 0.085
    days_to_joining: float = 120.0
    outsiders_per_customer: float = 0.010
    days_as_member: float = 900.0
    order_value_uplift: float = 0.09
    """A member's orders after joining are worth this share more."""
    days_between_initiatives: int = 34
    fewest_days: int = 150
    most_days: int = 420
    contribution_shape: float = 0.7
    days_between_contributions: float = 45.0
    accepted_rate: float = 0.45
    adopted_rate: float = 0.40
    """Share of the accepted contributions."""
    release_rate: float = 0.50
    joint_ip_rate: float = 0.80
    """Share of the contributions adopted in joint intellectual property whose member gets a share."""
    monthly_cost: float = 0.05
    monthly_outcome: float = 0.16


@dataclass(frozen=True)
class Company:
    """Parameters of the processes. Rates and shares are 0 to 1, times in days, money in EUR.

    Customers arrive at a steady pace from `start` on: `customers` of them within `arrival_days`, and at
    the same pace after that. Purchases follow BG/NBD (rates Gamma(r, alpha) per day, dropout after each
    repeat purchase Beta(a, b)) and order values Gamma-Gamma (p, q, gamma), for persons and companies
    alike, so that one fit over all customers recovers them.
    """

    name: str = "Nordlicht Versand"
    time_zone: str = "Europe/Berlin"
    reporting_currency: str = "EUR"
    week_start: str = "monday"
    fiscal_year_start_month: int = 1
    customer_type: str = "person"
    start: date = date(2024, 1, 1)
    arrival_days: float = 731.0

    prospect_share: float = 0.05
    company_share: float = 0.08
    parent_share: float = 0.20
    household_share: float = 0.14
    """Persons who share address, e-mail address and family name with an earlier customer."""
    mailbox_share: float = 0.60
    """Companies known by an info@ address."""
    contact_mailbox_share: float = 0.45
    """Contact persons of such companies who give this address as their own."""
    days_between_moves: float = 1200.0
    days_as_new: int = 90

    bgnbd_r: float = 0.8
    bgnbd_alpha: float = 45.0
    bgnbd_a: float = 0.9
    bgnbd_b: float = 3.0
    gamma_gamma_p: float = 5.0
    gamma_gamma_q: float = 4.0
    gamma_gamma_gamma: float = 48.0
    season_amplitude: float = 0.15
    season_peak_day: int = 335
    weekday_weights: tuple[float, ...] = (1.15, 1.05, 1.0, 1.0, 1.0, 0.9, 0.9)
    line_count_shares: tuple[float, ...] = (0.45, 0.30, 0.15, 0.10)
    quantity_shares: tuple[float, ...] = (0.75, 0.17, 0.08)
    discount_rate: float = 0.15
    guest_rate: float = 0.02
    cancelled_rate: float = 0.04
    return_rate: float = 0.08
    adjustment_rate: float = 0.01
    order_channels: tuple[str, ...] = ("web", "app", "phone", "branch")
    order_channel_shares: tuple[float, ...] = (0.55, 0.20, 0.15, 0.10)

    goods: int = 120
    lowest_list_price: float = 4.0
    highest_list_price: float = 600.0
    lowest_cost_share: float = 0.45
    highest_cost_share: float = 0.70
    rate_means: tuple[tuple[str, float], ...] = (("CHF", 1.05), ("GBP", 1.17))
    rate_persistence: float = 0.98
    rate_daily_deviation: float = 0.003

    promised_days: int = 4
    shipping_delay_shares: tuple[float, ...] = (0.60, 0.30, 0.10)
    transit_day_shares: tuple[float, ...] = (0.45, 0.35, 0.15, 0.05)
    failed_attempt_shares: tuple[float, ...] = (0.93, 0.05, 0.015, 0.005)

    subscriber_share: float = 0.15
    days_to_subscription: float = 60.0
    term_days: int = 365
    cancel_rate_per_term: float = 0.28
    lapse_rate_per_term: float = 0.05
    usage_per_week_alpha: float = 1.2
    usage_per_week_beta: float = 2.0

    question_rate: float = 0.12
    failed_delivery_call_rate: float = 0.45
    business_contact_rate_per_30d: float = 0.25
    workroom_rate_per_30d: float = 0.35
    note_rate: float = 0.60
    service_minute_cost: float = 0.90
    parcel_cost: float = 4.90
    failed_attempt_cost: float = 6.50

    marketing_share: float = 0.60
    research_share: float = 0.35
    profiling_withdrawn_share: float = 0.03
    days_to_withdrawal: float = 45.0

    customers_per_employee: float = 500.0
    fewest_employees: int = 12
    days_in_post: float = 1300.0
    mood_trust_effect: float = 0.20
    """Standard deviations of mood per standard deviation of an employee's hidden trust."""
    untidy_code_share: float = 0.045

    accounts: AccountHabits = field(default_factory=AccountHabits)
    reading: Reading = field(default_factory=Reading)
    complaining: Complaining = field(default_factory=Complaining)
    asking: Asking = field(default_factory=Asking)
    cocreating: CoCreating = field(default_factory=CoCreating)


COMPANY = Company()
