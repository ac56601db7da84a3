"""Pages of a JSON API by dlt's REST client: what may heal is tried again, what does not is one sentence.

endpoint + parameters  →  requests with auth, retries and paging  →  pages of records
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from urllib.parse import urlsplit

from dlt.common import jsonpath
from dlt.sources.helpers import requests as dlt_requests
from dlt.sources.helpers.requests.retry import DEFAULT_RETRY_EXCEPTIONS
from dlt.sources.helpers.rest_client import RESTClient, auth
from jsonpath_ng.exceptions import JSONPathError
from requests import HTTPError, PreparedRequest, Response, Session, exceptions
from urllib3.exceptions import MaxRetryError

from ckm.errors import ObjectFailed, SourceChanging, SourceDown
from ckm.extract.paging import Stated, Unfit, paginator_of
from ckm.fields import Auth, ObjectMapping, RestSource

LONGEST_PAUSE_SECONDS = 300
# A look at a system before the night should not take long where nobody answers.
PROBING = {"attempts": 2, "timeout_seconds": 10, "longest_pause_seconds": 5}


class JsonApi:
    """One API as `sources.yml` describes it.

    Args:
        probing: give up early; the night itself is more patient.
    """

    def __init__(self, source: RestSource, *, probing: bool = False) -> None:
        self.attempts, self.timeout, pause = source.attempts, source.timeout_seconds, LONGEST_PAUSE_SECONDS
        if probing:
            self.attempts = min(self.attempts, PROBING["attempts"])
            self.timeout = min(self.timeout, PROBING["timeout_seconds"])
            pause = PROBING["longest_pause_seconds"]
        session = dlt_requests.Client(
            request_timeout=self.timeout,
            raise_for_status=False,
            exceptions=(*DEFAULT_RETRY_EXCEPTIONS, exceptions.ContentDecodingError),
            request_max_attempts=self.attempts,
            request_backoff_factor=source.backoff_seconds,
            request_max_retry_delay=pause,
        ).session
        self.origin = "{0.scheme}://{0.netloc}".format(urlsplit(source.url))
        self._client = _Client(
            source.url,
            headers={"Accept": "application/json", **source.headers},
            auth=_auth_of(source.auth, session, self._in_words) if source.auth else None,
            session=session,
        )

    def pages(self, mapping: ObjectMapping, parameters: dict[str, Any]) -> Iterator[list[Any]]:
        """The records of an endpoint, page by page, as they came: most are objects.

        Raises:
            SourceDown: the API does not answer, or not with a whole body, however often it is asked.
            SourceChanging: it gives another number than it states.
            ObjectFailed: it refuses, or what it gives is not what was asked for.
        """
        endpoint, page = shown(mapping), mapping.page
        if page.size_parameter and page.style != "offset":
            parameters = {**parameters, page.size_parameter: page.size}
        with self._in_words(f"endpoint {endpoint}"):
            answers = self._client.paginate(
                mapping.endpoint or "",
                params=parameters,
                paginator=paginator_of(page),
                data_selector=mapping.records,
                hooks={"response": [_read]},
            )
        earlier: dict[str, int] = {}
        stated = Stated(page)
        number = 0
        while True:
            number += 1
            with self._in_words(f"endpoint {endpoint} page {number}"):
                records = next(answers, None)
                if records is None:
                    break
                stated.note(records, records.response.json())
                for mark in _marks(records, records.response):
                    if mark in earlier:
                        raise Unfit(f"is page {earlier[mark]} again, so reading would never end")
                    earlier[mark] = number
            yield list(records)
        if differs := stated.differs():
            raise SourceChanging(f"endpoint {endpoint} {differs}, so it was being changed while it was read.")

    @contextmanager
    def _in_words(self, what: str) -> Iterator[None]:
        """Turn what goes wrong with a request into a sentence that holds no address with its parameters."""
        times = f"after {self.attempts} attempt{'s' if self.attempts > 1 else ''}"
        try:
            yield
        except Unfit as error:
            raise ObjectFailed(f"{what} {error}.") from None
        except HTTPError as error:
            status = error.response.status_code
            if status == 429 or status >= 500:
                raise SourceDown(f"{what} answers {status}, {times}.") from None
            meaning = ": it does not accept the credentials under auth" if status == 401 else ""
            hint = "Correct auth." if status in (401, 403) else "Correct endpoint or url."
            raise ObjectFailed(f"{what} answers {status}{meaning}.", hint) from None
        except (exceptions.ChunkedEncodingError, exceptions.ContentDecodingError):
            raise SourceDown(f"{what} breaks off before its end, {times}.") from None
        except exceptions.ConnectTimeout:
            raise SourceDown(f"{self.origin} does not answer, {times}.", reaches_nothing=True) from None
        except exceptions.Timeout:
            raise SourceDown(f"{what} takes more than {self.timeout:g} seconds, {times}.") from None
        except exceptions.ConnectionError as error:
            if error.args and isinstance(error.args[0], MaxRetryError):  # there was no connection at all
                raise SourceDown(f"{self.origin} does not answer, {times}.", reaches_nothing=True) from None
            raise SourceDown(f"{what} breaks off before its end, {times}.") from None
        except exceptions.RequestException as error:
            raise ObjectFailed(f"{what} cannot be asked for ({type(error).__name__}).") from None
        except JSONPathError:
            raise ObjectFailed(
                f"{what}: records, next or total is no JSON path.",
                "Write it as data.items or as $.data.items.",
            ) from None


class _Number(float):
    """A number of JSON that is written as it was received."""

    def __new__(cls, text: str) -> "_Number":
        self = super().__new__(cls, text)
        self.text = text
        return self

    def __str__(self) -> str:
        return self.text


class _Client(RESTClient):
    """dlt's client, which takes a missing list for an empty one and a single object for a list of one."""

    def extract_response(self, response: Response, data_selector: jsonpath.TJsonPath) -> list[Any]:
        found = jsonpath.find_values(data_selector, response.json())
        if len(found) != 1 or not isinstance(found[0], list):
            raise Unfit("has no list" if data_selector == "$" else f"has no list at {data_selector}")
        return found[0]


def _read(response: Response, *_: Any, **__: Any) -> None:
    """Requests' hook for an answer: read it as JSON, once, with every number as it is written.

    It runs within an attempt, so what it raises of the kinds that may heal is tried again.
    """
    if response.is_redirect:
        return
    if response.status_code >= 400:
        raise HTTPError(response=response)
    try:
        body = response.json(parse_float=_Number)
    except exceptions.JSONDecodeError:
        kind = response.headers.get("Content-Type", "").partition(";")[0].strip()
        if not kind or "json" in kind:
            raise exceptions.ChunkedEncodingError("the JSON ends too early") from None
        raise Unfit(f"is {kind}, not JSON") from None
    response.json = lambda **_: body  # type: ignore[method-assign]


class _Words(Protocol):
    def __call__(self, what: str) -> AbstractContextManager[None]: ...


class _ClientCredentials(auth.OAuth2ClientCredentials):
    """OAuth2's client credentials: dlt's, with a token that is renewed once where the API no longer takes it."""

    def __init__(self, given: Auth, session: Session, in_words: _Words) -> None:
        super().__init__(
            access_token_url=given.token_url,
            client_id=given.client_id,
            client_secret=given.client_secret.get_secret_value() if given.client_secret else None,
            session=session,
        )
        self._in_words = in_words

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        request = super().__call__(request)
        request.register_hook("response", self._renew)
        return request

    def _renew(self, response: Response, **options: Any) -> Response:
        if response.status_code != 401:
            return response
        response.close()
        self.obtain_token()
        request = response.request
        request.headers["Authorization"] = f"Bearer {self.access_token}"
        return response.connection.send(request, **options)  # type: ignore[attr-defined]

    def obtain_token(self) -> None:
        with self._in_words(f"the token's address {urlsplit(self.access_token_url).path}"):
            response = self.session.post(
                self.access_token_url, **self.build_access_token_request(), hooks={"response": [_read]}
            )
            body = response.json()
            if not isinstance(body, dict) or not isinstance(body.get("access_token"), str):
                raise Unfit("gives no access_token")
            try:
                seconds = self.parse_expiration_in_seconds(body)
            except (TypeError, ValueError):
                raise Unfit("gives an expires_in that is no number") from None
            self.access_token = body["access_token"]
            self.token_expiry = datetime.now(UTC) + timedelta(seconds=seconds)


def _auth_of(given: Auth, session: Session, in_words: _Words) -> auth.AuthConfigBase:
    if given.token:
        return auth.BearerTokenAuth(given.token.get_secret_value())
    if given.password:
        return auth.HttpBasicAuth(given.user, given.password.get_secret_value())
    if given.key:
        return auth.APIKeyAuth(given.header, given.key.get_secret_value())
    return _ClientCredentials(given, session, in_words)


def _marks(records: list[Any], response: Response) -> list[str]:
    """What tells a page from the others of its endpoint: what was asked, and what came, where anything did."""
    text = json.dumps(records, sort_keys=True)
    return [response.request.url or ""] + ([hashlib.md5(text.encode()).hexdigest()] if records else [])


def shown(mapping: ObjectMapping) -> str:
    """An endpoint as it may be shown: without parameters, which may hold a key."""
    return (mapping.endpoint or "").partition("?")[0]
