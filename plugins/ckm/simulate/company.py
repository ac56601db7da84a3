"""The simulated company: the frozen parameters of every process, so that its truth is known."""

from dataclasses import dataclass
from datetime import date


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
    untidy_code_share: float = 0.045


COMPANY = Company()
