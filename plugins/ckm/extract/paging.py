"""How an API cuts its records into pages: dlt's paginators, made strict."""

from typing import Any
from urllib.parse import urlsplit

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
