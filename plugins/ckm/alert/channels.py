"""The ways an alert goes: always the log, and the webhook and mail that the settings name.

A way that is barred costs seconds and a sentence in the log; the night and the other ways go on. What is logged
names the host and nothing else of an address, because the rest of it is often the secret.
"""

import smtplib
import ssl
from collections.abc import Callable, Iterable
from contextlib import contextmanager
from email.message import EmailMessage
from email.utils import getaddresses
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

import requests

from ckm.alert.composing import Alert
from ckm.errors import ConfigurationError
from ckm.settings import Settings, load_settings

SECONDS_TO_CONNECT, SECONDS_TO_ANSWER = 3, 10
LOCAL = ("localhost", "127.0.0.1", "::1")


class NotSent(Exception):
    """A way is barred; the text says why, without an address."""


def send(alerts: Iterable[Alert], say: Callable[[str], Any], *, in_log: bool = True) -> None:
    """Send each alert every way that is set up; never raises.

    Args:
        say: writes a text to the log of whoever drives the night.
        in_log: false where the driver itself says there what failed.
    """
    alerts = list(alerts)
    if not alerts:
        return
    try:
        settings = load_settings()
    except ConfigurationError as error:
        settings = None
        say(f"Alerts go to the log only: {error}")
    ways = _ways(settings) if settings else {}
    for alert in alerts if in_log else []:
        say(alert.text(settings.site_url if settings else None))
    for name, way in ways.items():
        try:
            for alert in alerts:
                way(alert)
        except NotSent as reason:  # whoever does not take the first will not take the second
            say(f"The alert could not be sent by {name}: {reason}.")
        except Exception as error:
            say(f"The alert could not be sent by {name} ({type(error).__name__}).")


def _ways(settings: Settings) -> dict[str, Callable[[Alert], None]]:
    ways: dict[str, Callable[[Alert], None]] = {}
    if settings.alert_webhook:
        ways["webhook"] = lambda alert: post(alert, settings)
    if settings.alert_email_to:
        ways["mail"] = lambda alert: mail(alert, settings)
    return ways


def post(alert: Alert, settings: Settings) -> None:
    """POST the alert as JSON; chat tools show its field `text`.

    Raises:
        NotSent: it was not taken.
    """
    url = settings.alert_webhook.get_secret_value()
    host = urlsplit(url).hostname
    try:
        answer = requests.post(
            url,
            json=alert.to_json(settings.site_url),
            timeout=(SECONDS_TO_CONNECT, SECONDS_TO_ANSWER),
            allow_redirects=False,  # a redirected POST would arrive as an empty GET
        )
    except requests.RequestException as error:
        raise NotSent(f"{host} does not take it ({type(error).__name__})") from None
    if not answer.ok or answer.is_redirect:
        raise NotSent(f"{host} answers {answer.status_code}")


def mail(alert: Alert, settings: Settings) -> None:
    """Send the alert by SMTP: over TLS with `smtps` or where the server offers it, logged in where a user is named.

    Raises:
        NotSent: it was not taken, or a password would travel in the clear.
    """
    if not settings.smtp_url:
        raise NotSent("CKM_SMTP_URL is not set")
    server = urlsplit(settings.smtp_url.get_secret_value())
    receivers = [address for _, address in getaddresses([settings.alert_email_to])]
    message = EmailMessage()
    message["Subject"] = alert.subject()
    message["From"] = settings.alert_email_from or receivers[0]
    message["To"] = ", ".join(receivers)
    message["Auto-Submitted"] = "auto-generated"  # so that nobody's absence answers it
    message.set_content(alert.text(settings.site_url))
    try:
        with _connected(server) as connection:
            connection.send_message(message)
    except smtplib.SMTPAuthenticationError:
        raise NotSent(f"{server.hostname} refuses the login") from None
    except (smtplib.SMTPException, OSError) as error:
        raise NotSent(f"{server.hostname} does not take it ({type(error).__name__})") from None


@contextmanager
def _connected(server: SplitResult) -> Any:
    """A session with the mail server, secured and logged in as far as its address asks."""
    secure = ssl.create_default_context()
    if server.scheme == "smtps":
        session = smtplib.SMTP_SSL(
            server.hostname, server.port or 465, timeout=SECONDS_TO_ANSWER, context=secure
        )
    else:
        session = smtplib.SMTP(server.hostname, server.port or 587, timeout=SECONDS_TO_ANSWER)
    with session:
        is_secure = server.scheme == "smtps"
        session.ehlo()
        if not is_secure and session.has_extn("starttls"):
            session.starttls(context=secure)
            is_secure = True
        if server.username:
            if not is_secure and server.hostname not in LOCAL:
                raise NotSent(f"{server.hostname} offers no TLS, and the password must not travel without it")
            session.login(unquote(server.username), unquote(server.password or ""))
        yield session
