"""The ways of an alert, to a real listener each: it arrives whole, or the log says so and nothing else suffers."""

import email
import email.policy
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.plugins.alert.listeners import MailServer, Webhook, running

from ckm.alert import channels
from ckm.alert.channels import send
from ckm.alert.composing import Alert, Finding, Version
from ckm.errors import ConfigurationError
from ckm.settings import load_settings

ALERT = Alert(
    "failure",
    "Käse & Co",
    date(2025, 12, 4),
    "2025-12-04.1",
    "Night of 2025-12-04 failed: nothing was published.",
    (Finding("crm.orders is required.", date(2025, 12, 3), date(2025, 12, 2)),),
    Version("2025-12-02.1", date(2025, 12, 2)),
    "Mend it.",
)


@pytest.fixture
def webhook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Webhook]:
    with running(Webhook()) as server:
        monkeypatch.setenv("CKM_ALERT_WEBHOOK", server.url)
        yield server


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A server's certificate that this machine trusts for the length of a test."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path / "mail.pem"
    trusted = made.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem.write_bytes(private + trusted)
    (tmp_path / "trusted.pem").write_bytes(trusted)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "trusted.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context


def mail_to(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("CKM_SMTP_URL", url)
    monkeypatch.setenv("CKM_ALERT_EMAIL_TO", "Duty <duty@tiny.example>, boss@tiny.example")
    monkeypatch.setenv("CKM_ALERT_EMAIL_FROM", "ckm@tiny.example")


def read(mail: bytes) -> Any:
    return email.message_from_bytes(mail, policy=email.policy.default)


def said(*alerts: Alert) -> str:
    log: list[str] = []
    send(alerts or [ALERT], log.append)
    return "\n".join(log)


def test_without_settings_an_alert_goes_to_the_log_alone() -> None:
    assert said() == ALERT.text()


def test_a_webhook_gets_the_text_and_its_parts(webhook: Webhook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CKM_SITE_URL", "http://site")
    assert said() == ALERT.text("http://site")
    (received,) = webhook.received
    assert received["text"] == ALERT.text("http://site")
    assert received["kind"] == "failure"
    assert received["night"] == "2025-12-04"
    assert received["findings"] == [
        {"what": "crm.orders is required.", "since": "2025-12-03", "last_good": "2025-12-02"}
    ]
    assert received["published"] == {"name": "2025-12-02.1", "as_of_date": "2025-12-02"}
    assert received["page"] == "http://site/index.html"


@pytest.mark.parametrize("status", [404, 500, 302])
def test_a_webhook_that_refuses_is_said_without_its_address(webhook: Webhook, status: int) -> None:
    webhook.status = status
    assert f"The alert could not be sent by webhook: 127.0.0.1 answers {status}." in said()
    assert webhook.paths == ["/hook/T0P-S3CRET"]
    assert "S3CRET" not in said()


def test_a_webhook_that_is_silent_delays_the_night_by_seconds_only(
    webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels, "SECONDS_TO_ANSWER", 0.5)
    webhook.is_silent.set()
    began = time.monotonic()
    log = said(ALERT, ALERT, ALERT)
    assert "127.0.0.1 does not take it" in log
    assert "S3CRET" not in log
    assert time.monotonic() - began < 5
    assert len(webhook.received) == 1


def test_a_webhook_that_is_down_does_not_keep_the_mail_back(monkeypatch: pytest.MonkeyPatch) -> None:
    with running(Webhook()) as gone:
        monkeypatch.setenv("CKM_ALERT_WEBHOOK", gone.url)
    with running(MailServer()) as server:
        mail_to(monkeypatch, f"smtp://127.0.0.1:{server.port}")
        assert "could not be sent by webhook: 127.0.0.1 does not take it (ConnectionError)." in said()
    assert len(server.received) == 1


def test_a_mail_says_it_in_the_subject_and_reaches_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    with running(MailServer()) as server:
        mail_to(monkeypatch, f"smtp://127.0.0.1:{server.port}")
        assert said() == ALERT.text()
    mail = read(server.received[0])
    assert mail["Subject"] == "[Käse & Co] Night of 2025-12-04 failed: nothing was published."
    assert mail["To"] == "duty@tiny.example, boss@tiny.example"
    assert mail["From"] == "ckm@tiny.example"
    assert mail.get_content().replace("\r\n", "\n").strip() == ALERT.text()


def test_a_mail_goes_over_tls_and_logged_in_where_the_server_offers_it(
    certificate: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(MailServer(secure=certificate, login=("duty", "p@ss word"))) as server:
        mail_to(monkeypatch, f"smtp://duty:p%40ss%20word@localhost:{server.port}")
        assert said() == ALERT.text()
    assert server.over_tls == [True]


def test_smtps_speaks_tls_from_the_first_byte(
    certificate: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = MailServer()
    server.socket = certificate.wrap_socket(server.socket, server_side=True)
    with running(server):
        mail_to(monkeypatch, f"smtps://localhost:{server.port}")
        assert said() == ALERT.text()
    assert len(server.received) == 1


def test_a_server_whose_certificate_is_not_trusted_gets_nothing(
    certificate: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with running(MailServer(secure=certificate)) as server:
        mail_to(monkeypatch, f"smtp://duty:S3CRET@localhost:{server.port}")
        assert "localhost does not take it (SSLCertVerificationError)." in said()
    assert server.received == []


def test_a_login_that_is_refused_is_said_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with running(MailServer(login=("duty", "right"))) as server:
        mail_to(monkeypatch, f"smtp://duty:S3CRET@127.0.0.1:{server.port}")
        log = said()
    assert "could not be sent by mail: 127.0.0.1 refuses the login." in log
    assert "S3CRET" not in log


def test_a_password_does_not_travel_in_the_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels, "LOCAL", ())
    with running(MailServer(login=("duty", "S3CRET"))) as server:
        mail_to(monkeypatch, f"smtp://duty:S3CRET@127.0.0.1:{server.port}")
        assert "127.0.0.1 offers no TLS, and the password must not travel without it." in said()
    assert server.received == []


def test_mail_without_a_server_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CKM_ALERT_EMAIL_TO", "duty@tiny.example")
    assert "could not be sent by mail: CKM_SMTP_URL is not set." in said()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CKM_ALERT_WEBHOOK", "chat.example/S3CRET"),
        ("CKM_SMTP_URL", "smtp://duty:pass/S3CRET@host"),
        ("CKM_SMTP_URL", "mail://duty:S3CRET@host"),
    ],
)
def test_a_wrong_address_is_said_without_it_and_the_alert_is_in_the_log(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=f"variable {name} is wrong: it must begin with ") as error:
        load_settings()
    assert "S3CRET" not in str(error.value)
    log = said()
    assert f"Alerts go to the log only: the environment variable {name} is wrong: " in log
    assert ALERT.text() in log


def test_settings_do_not_show_their_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CKM_ALERT_WEBHOOK", "https://chat.example/S3CRET")
    monkeypatch.setenv("CKM_SMTP_URL", "smtp://duty:S3CRET@host")
    assert "S3CRET" not in repr(load_settings())
