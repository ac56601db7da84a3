"""What can go wrong with a company's systems: a database that was tampered with, an API in front of the real one."""

import json
import sqlite3
import time
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from tests.plugins.extract.api import Answer, Api, Asked

COMPLAINTS, EVENTS = "/api/complaints", "/api/complaint-events"


def spoil(database: Path) -> str:
    """Take a column away, make another one's numbers words, and one number; returns the row key of the last."""
    with sqlite3.connect(database) as crm:
        crm.execute("alter table Sendungen rename column SendStatus to Neu")
        crm.execute("update ServiceKosten set Betrag = 'siehe Beleg'")
        number, *key = crm.execute(
            "select max(SatzNr), AuftragNr, PosNr from AuftragPos where AuftragNr is not null and Menge = '1' "
            "group by AuftragNr, PosNr having count(*) = 1 order by max(LastChange) desc limit 1"
        ).fetchone()
        crm.execute("update AuftragPos set Menge = 'zwölf' where SatzNr = ?", [number])
    return chr(31).join(key)


def passed_on(real: str, asked: Asked) -> Answer:
    """What the real API answers."""
    query = f"?{urlencode(asked.query)}" if asked.query else ""
    headers = {
        name: asked.headers[name] for name in ("Authorization", "Content-Type") if name in asked.headers
    }
    try:
        with urlopen(Request(f"{real}{asked.path}{query}", asked.body.encode() or None, headers)) as answer:
            return Answer(answer.read().decode())
    except HTTPError as refusal:
        return Answer(refusal.read().decode(), refusal.code)


def dying(api: Api, real: str, asked: Asked) -> Answer:
    """A web page for complaints, and an end in the middle of the first page of events that the night asks for."""
    answer = passed_on(real, asked)
    if "updated_since" not in asked.query:  # a look before the night
        return answer
    if asked.path == COMPLAINTS:
        return Answer("<html><body>Wartung</body></html>", kind="text/html")
    api.stop()
    return Answer(answer.body, cut=len(answer.body) // 2)


def slow(api: Api, real: str, asked: Asked) -> Answer:
    """A pause before the night's second page of events, and tokens that are said to live longer than they do."""
    if asked.path == EVENTS and len(night_pages(api)) == 2:
        time.sleep(1.2)
    answer = passed_on(real, asked)
    if asked.path == "/oauth/token":
        return Answer(json.loads(answer.body) | {"expires_in": 3600})
    return answer


def night_pages(api: Api) -> list[Asked]:
    """The pages of events for which the night itself has asked; a look before it asks for all events."""
    return [asked for asked in api.paths(EVENTS) if "updated_since" in asked.query]
