"""Which defects each object of each system has, and in what share of its rows."""

from dataclasses import dataclass

from ckm.simulate.words import CITIES, SUBJECTS

DUPLICATE, LATE = "duplicate_row", "late_row"
BAD_DATES = ("2024-02-31", "2025-06-31", "2025-13-05", "2024-00-17")
BAD_NUMBERS = ("siehe Notiz", "zwei", "12,5O", "ca. 3")
UNKNOWN_PRODUCTS = ("XX-9999", "TEST", "P-0000", "ALT-0815")
FUTURE_DATES = ("2099-12-31 00:00:00", "2199-01-01 12:00:00", "2077-07-07 07:07:00")
TEXTS = {
    "impossible_date": BAD_DATES,
    "text_in_number": BAD_NUMBERS,
    "unknown_product": UNKNOWN_PRODUCTS,
    "future_date": FUTURE_DATES,
}
"""The words of the kinds that write words into a column, whatever its type."""


@dataclass(frozen=True)
class Defect:
    """One kind of defect: its share of an object's rows and the canonical column it spoils (or none).

    `words` are an unknown code's, or those of which a corrected row shows one that is wrong; a corrected row
    is put right some days after its moment `since`, which must not change in the row's life.
    """

    kind: str
    share: float
    column: str | None = None
    words: tuple[str, ...] = ()
    since: str | None = None


def _usual(key: str, missing: float, duplicate: float, *others: Defect) -> tuple[Defect, ...]:
    return (Defect("missing_key", missing, key), Defect(DUPLICATE, duplicate), *others)


_CRM = {
    "customers": _usual(
        "customer_id",
        0.006,
        0.018,
        Defect("impossible_date", 0.012, "birth_date"),
        Defect("corrected_row", 0.003, "city", CITIES, since="created_at"),
    ),
    "contacts": _usual("contact_id", 0.008, 0.020),
    "consents": _usual("customer_id", 0.009, 0.024, Defect("impossible_date", 0.008, "stated_at")),
    "orders": _usual(
        "order_id",
        0.008,
        0.018,
        Defect("impossible_date", 0.009, "ordered_at"),
        Defect("future_date", 0.006, "ordered_at"),
    ),
    "order_lines": _usual(
        "order_id",
        0.006,
        0.018,
        Defect("text_in_number", 0.004, "quantity"),
        Defect("text_in_number", 0.005, "unit_price"),
        Defect("unknown_product", 0.008, "product_id"),
        Defect("negative_price", 0.006, "unit_price"),
    ),
    "shipments": _usual(
        "shipment_id",
        0.007,
        0.019,
        Defect("impossible_date", 0.010, "shipped_at"),
        Defect("text_in_number", 0.006, "failed_attempts"),
    ),
    "subscriptions": _usual(
        "subscription_id",
        0.007,
        0.019,
        Defect("impossible_date", 0.010, "started_on"),
        Defect("text_in_number", 0.008, "monthly_fee"),
    ),
    "usage_events": (
        Defect(DUPLICATE, 0.022),
        Defect("text_in_number", 0.012, "quantity"),
        Defect("unknown_product", 0.008, "product_id"),
        Defect(LATE, 0.003),
    ),
    "interactions": _usual(
        "interaction_id",
        0.008,
        0.019,
        Defect("impossible_date", 0.008, "started_at"),
        Defect("text_in_number", 0.008, "duration_seconds"),
        Defect("wrong_encoding", 0.006, "note"),
        Defect(LATE, 0.003),
        Defect("corrected_row", 0.003, "subject", SUBJECTS, since="started_at"),
    ),
    "workroom_items": _usual(
        "item_id",
        0.008,
        0.019,
        Defect("impossible_date", 0.012, "due_on"),
        Defect("corrected_row", 0.003, "due_on", since="opened_at"),
    ),
    "service_costs": _usual(
        "customer_id", 0.006, 0.022, Defect("text_in_number", 0.012, "amount"), Defect(LATE, 0.003)
    ),
    "exchange_rates": (Defect(DUPLICATE, 0.010),),
}
_COMPLAINTS = {
    "complaints": _usual(
        "complaint_id",
        0.006,
        0.012,
        Defect("impossible_date", 0.006, "received_at"),
        Defect("future_date", 0.003, "received_at"),
        Defect("text_in_number", 0.004, "compensation_amount"),
        Defect("unknown_product", 0.005, "product_id"),
        Defect("unknown_code", 0.003, "status", ("wartet", "??")),
        Defect("wrong_encoding", 0.006, "complaint_text"),
        Defect("corrected_row", 0.003, "priority", ("low", "normal", "high"), since="received_at"),
    ),
    "complaint_events": _usual(
        "event_id",
        0.006,
        0.014,
        Defect("unknown_code", 0.006, "event_type", ("xx", "weitergel.")),
        Defect("impossible_date", 0.006, "occurred_at"),
        Defect("wrong_encoding", 0.006, "note"),
        Defect(LATE, 0.003),
    ),
}
_SURVEYS = {
    "invitations": _usual(
        "invitation_id",
        0.006,
        0.014,
        Defect("impossible_date", 0.008, "invited_at"),
        Defect("future_date", 0.003, "invited_at"),
    ),
    "responses": _usual(
        "response_id",
        0.006,
        0.014,
        Defect("impossible_date", 0.008, "responded_at"),
        Defect("wrong_encoding", 0.008, "closing_comment"),
        Defect(
            "corrected_row", 0.003, "language", ("de", "en", "fr", "nl", "da", "pl"), since="responded_at"
        ),
    ),
    "answers": _usual(
        "response_id",
        0.006,
        0.016,
        Defect("text_in_number", 0.010, "answer_value"),
        Defect("wrong_encoding", 0.006, "answer_text"),
        Defect(LATE, 0.003),
    ),
    "observations": _usual(
        "observation_id",
        0.006,
        0.014,
        Defect("unknown_code", 0.010, "observation_type", ("??", "telefonat")),
        Defect("impossible_date", 0.008, "observed_at"),
        Defect("wrong_encoding", 0.008, "note"),
    ),
}
_KNOWLEDGE = {
    "articles": (
        Defect(DUPLICATE, 0.010),
        Defect("unknown_code", 0.020, "article_kind", ("blog", "sonst.")),
        Defect(
            "corrected_row",
            0.010,
            "topic",
            ("delivery", "invoice", "returns", "contract"),
            since="published_at",
        ),
    ),
    "deliveries": _usual(
        "delivery_id",
        0.006,
        0.016,
        Defect("text_in_number", 0.006, "read_seconds"),
        Defect("unknown_code", 0.005, "delivery_mode", ("fax", "??")),
        Defect("impossible_date", 0.006, "delivered_at"),
    ),
    "searches": _usual(
        "search_id",
        0.006,
        0.016,
        Defect("text_in_number", 0.008, "result_count"),
        Defect("wrong_encoding", 0.008, "query_text"),
        Defect(LATE, 0.003),
    ),
    "service_benchmarks": (Defect(DUPLICATE, 0.012), Defect("text_in_number", 0.012, "benchmark_value")),
}
_COMMUNITY = {
    "initiatives": (Defect("unknown_code", 0.020, "style", ("crowd",)),),
    "members": _usual("member_id", 0.006, 0.016, Defect("text_in_number", 0.010, "birth_year")),
    "contributions": _usual(
        "contribution_id",
        0.006,
        0.016,
        Defect("unknown_code", 0.006, "contribution_type", ("meme", "??")),
        Defect("impossible_date", 0.006, "contributed_at"),
        Defect("text_in_number", 0.005, "hours"),
        Defect("wrong_encoding", 0.008, "contribution_text"),
    ),
    "initiative_costs": (Defect(DUPLICATE, 0.014), Defect("text_in_number", 0.014, "amount")),
    "outcomes": (Defect(DUPLICATE, 0.014), Defect("text_in_number", 0.010, "amount")),
}
DEFECTS: dict[str, dict[str, tuple[Defect, ...]]] = {
    "crm": _CRM,
    "complaints": _COMPLAINTS,
    "surveys": _SURVEYS,
    "knowledge": _KNOWLEDGE,
    "community": _COMMUNITY,
}
