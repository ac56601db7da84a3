"""How an API cuts its records into pages: dlt's paginators, made strict."""

from typing import Any
from urllib.parse import urlsplit

from dlt.common import jsonpath
from dlt.sources.helpers.rest_client import paginators
from requests import Request, Response

from ckm.fields import Page


class Unfit(Exception):
    """An answer that came whole and is not what was asked for; the text ends a sentence that begins with the page."""


class _Counted(paginators.RangePaginator):
    """Says what is wrong with `total` without the page that dlt would quote."""

    def _handle_missing_total(self, response_json: dict[str, Any]) -> None:
        raise Unfit(f"has no number at {self.total_path}")

    def _handle_invalid_total(self, total: Any) -> None:
        raise Unfit(f"has no number at {self.total_path}")


class _PageNumber(_Counted, paginators.PageNumberPaginator):
    pass


class _Offset(_Counted, paginators.OffsetPaginator):
    """Goes on by the records received, as a server may give fewer than it is asked for."""

    def update_state(self, response: Response, data: list[Any] | None = None) -> None:
        self.value_step = len(data or [])
        super().update_state(response, data)


class _SameOrigin(paginators.BaseNextUrlPaginator):
    """Follows a link to the next page, but takes no credentials to another server; an empty link is none."""

    def update_request(self, request: Request) -> None:
        here = urlsplit(request.url)[:2]
        self._next_reference = self._next_reference or None
        super().update_request(request)
        if request.url and urlsplit(request.url)[:2] != here:
            raise Unfit("names a next page on another server")


class _JsonLink(_SameOrigin, paginators.JSONLinkPaginator):
    pass


class _HeaderLink(_SameOrigin, paginators.HeaderLinkPaginator):
    pass


class Stated:
    """What an API says about how much there is, against what came."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._unit = "pages" if page.style == "number" else "records"
        self._totals: list[int] = []
        self._came = 0

    def note(self, records: list[Any], body: Any) -> None:
        """Take in one more page.

        Raises:
            Unfit: the first page is full and does not say how to go on, as if `next` were misspelt.
        """
        page = self._page
        is_full_first = not self._came and page.size is not None and len(records) >= page.size
        if is_full_first and page.next and not jsonpath.find_values(page.next, body):
            raise Unfit(f"is full and has nothing at {page.next} that says how to go on: correct page.next")
        self._came += bool(records) if self._unit == "pages" else len(records)
        if page.total:
            self._totals.append(int(jsonpath.find_values(page.total, body)[0]))

    def differs(self) -> str | None:
        """The middle of a sentence where rows may have been skipped: fewer are there in the end than at first, or
        another number came than was stated last."""
        if not self._totals:
            return None
        first, last = self._totals[0], self._totals[-1]
        if last < first:
            return f"stated {first:,} {self._unit} at first and {last:,} in the end"
        if self._came != last and (self._came or self._unit == "records" or last > 1):
            return f"stated {last:,} {self._unit} and gave {self._came:,}"
        return None


def paginator_of(page: Page) -> paginators.BasePaginator:
    """dlt's paginator; page numbers and offsets go on to an empty page, as a short one need not be the last."""
    match page.style:
        case "number":
            first = 1 if page.first is None else page.first
            return _PageNumber(first, page_param=page.parameter, total_path=page.total)
        case "offset":
            return _Offset(
                limit=page.size or 0,
                offset=page.first or 0,
                offset_param=page.parameter,
                limit_param=page.size_parameter,
                total_path=page.total,
            )
        case "cursor":
            return paginators.JSONResponseCursorPaginator(page.next or "", cursor_param=page.parameter)
        case "link":
            return _JsonLink(page.next or "")
        case "header":
            return _HeaderLink()
        case _:
            return paginators.SinglePagePaginator()
