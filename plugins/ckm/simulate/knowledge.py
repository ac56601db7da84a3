"""What the company gives customers to know: articles, their experts, and how others' service compares."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ckm.simulate.catalogue import Catalogue
from ckm.simulate.clock import DAY, NEVER, Clock, month_starts, next_months
from ckm.simulate.columns import chosen, dates, joined, label, moments
from ckm.simulate.company import Company
from ckm.simulate.draws import Draws
from ckm.simulate.people import FAMILY_NAMES, FIRST, first_and_family
from ckm.simulate.phrases import ARTICLE_KIND_SHARES, ARTICLE_KINDS, BENCHMARKS, PEERS, TITLES, TOPICS
from ckm.simulate.staff import Staff, employee_number

_EXPERT_ADVICE = len(ARTICLE_KINDS) - 1
_LANGUAGES = ("de", "en")


@dataclass(frozen=True)
class Library:
    """Every article; `published` rises. `retired` is NEVER for those that stay."""

    published: np.ndarray
    retired: np.ndarray
    topic: np.ndarray
    lasting: int

    def one(self, draws: Draws, name: str, moment: np.ndarray, uid: np.ndarray) -> np.ndarray:
        """An article that is there at each moment; older ones are read more often."""
        there = np.searchsorted(self.published, moment, side="right")
        article = (draws.uniform(name, uid) ** 1.5 * there).astype(np.int64)
        return np.where(self.retired[article] <= moment, article % self.lasting, article)


def article_ids(article: np.ndarray) -> pa.Array:
    """Native ids of articles; null where negative."""
    return label("KB-", 1001 + article, article >= 0)


def employ(company: Company, draws: Draws, clock: Clock, staff: Staff) -> dict:
    """The rows of `experts`: the first holders of some posts, and people from outside."""
    expert = np.arange(company.reading.experts)
    external = draws.happens("expert.external", company.reading.external_expert_share, expert)
    posts = staff.last_day.shape[0]
    post = expert % posts
    number = employee_number(post, np.zeros(expert.size, dtype=np.int64), posts)
    joined_on = clock.start - draws.below("expert.joined", 900, expert)
    stays = joined_on + 1200 + draws.below("expert.stays", 900, expert)
    left_on = np.where(external, stays, staff.last_day[post, 0])
    left_at = left_on * DAY + 17 * 3600
    left = left_at < clock.end
    first, family, _ = first_and_family(draws, "employee", number)
    theirs, surname, _ = first_and_family(draws, "expert", expert)
    first, family = np.where(external, theirs, first), np.where(external, surname, family)
    return {
        "expert_id": label("EX-", 1 + expert),
        "full_name": joined(chosen(FIRST, first), " ", chosen(FAMILY_NAMES, family)),
        "expertise": chosen(TOPICS, expert % len(TOPICS)),
        "employee_id": label("MA-", number, ~external),
        "is_external": pa.array(external),
        "joined_on": dates(joined_on),
        "left_on": dates(left_on, left),
        "updated_at": moments(np.where(left, left_at, clock.start * DAY + 6 * 3600)),
        "_uid": draws.uid("experts", expert),
    }


def write_articles(company: Company, draws: Draws, clock: Clock, goods: Catalogue) -> tuple[Library, dict]:
    """The library and the rows of `articles`: drafts, published and retired ones."""
    c = company.reading
    article = np.arange(c.articles)
    later = np.maximum(article - c.lasting_articles, 0)
    is_new = article >= c.lasting_articles
    spacing = int(company.arrival_days) // max(1, c.articles - c.lasting_articles)
    day = clock.start + 12 + later * spacing + draws.below("article.day", spacing, article)
    published = np.where(is_new, day * DAY + 10 * 3600, clock.start * DAY + 5 * 3600 + article)
    drafted = np.where(
        is_new, (day - 1 - draws.below("article.draft", 9, article)) * DAY + 9 * 3600, published
    )
    ends = is_new & draws.happens("article.retired", 0.25, article)
    ended = (day + 120 + draws.below("article.lasts", 500, article)) * DAY + 6 * 3600
    retired = np.where(ends, ended, NEVER)
    topic = draws.below("article.topic", len(TOPICS), article)
    kind = draws.pick("article.kind", ARTICLE_KIND_SHARES, article)

    shown, is_gone = published < clock.end, retired < clock.end
    known = drafted < clock.end
    series = label(" ", 1 + article // len(TOPICS))
    rows = {
        "article_id": article_ids(article),
        "article_kind": chosen(ARTICLE_KINDS, kind),
        "article_title": joined(chosen(TITLES, topic), series),
        "topic": chosen(TOPICS, topic),
        "product_id": label("P-", 1001 + draws.below("article.product", goods.goods, article), kind == 0),
        "expert_id": label(
            "EX-", 1 + draws.below("article.expert", c.experts, article), kind == _EXPERT_ADVICE
        ),
        "language": chosen(_LANGUAGES, draws.pick("article.language", (0.8, 0.2), article)),
        "status": chosen(("draft", "published", "retired"), np.where(is_gone, 2, shown.astype(np.int64))),
        "published_at": moments(published, shown),
        "retired_on": dates(retired // DAY, is_gone),
        "updated_at": moments(np.where(is_gone, retired, np.where(shown, published, drafted))),
        "_uid": draws.uid("articles", article),
    }
    mask = pa.array(known)
    rows = {
        name: values.filter(mask) if isinstance(values, pa.Array) else values[known]
        for name, values in rows.items()
    }
    return Library(published, retired, topic, c.lasting_articles), rows


def benchmark_rows(draws: Draws, clock: Clock) -> dict:
    """The rows of `service_benchmarks`: a month's figures come on the 10th of the month after."""
    month = np.unique(month_starts(np.arange(clock.start, clock.end // DAY)))
    told_at = (next_months(month) + 9) * DAY + 9 * 3600
    month, told_at = month[told_at < clock.end], told_at[told_at < clock.end]
    metrics, peers = len(BENCHMARKS), len(PEERS)
    metric = np.tile(np.repeat(np.arange(metrics), peers), month.size)
    peer = np.tile(np.arange(peers), metrics * month.size)
    at = np.repeat(np.arange(month.size), metrics * peers)
    mean, between, within = (np.array([row[i] for row in BENCHMARKS])[metric] for i in (2, 3, 4))
    value = mean + between * draws.normal("benchmark.peer", metric, peer)
    value = value + within * draws.normal("benchmark", metric, peer, month[at])
    is_rate = np.array([row[1] == "rate" for row in BENCHMARKS])[metric]
    return {
        "metric": chosen([row[0] for row in BENCHMARKS], metric),
        "peer": chosen(PEERS, peer),
        "month": dates(month[at]),
        "benchmark_value": np.round(np.where(is_rate, np.clip(value, 0.01, 0.99), value), 3),
        "unit": chosen([row[1] for row in BENCHMARKS], metric),
        "updated_at": moments(told_at[at]),
        "_uid": draws.uid("service_benchmarks", metric, peer, month[at]),
    }
