"""E-mail, to a real server on this machine."""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Callable, Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from partita.components import send_mail
from partita.components.mail import SentMail
from partita.errors import DefinitionError

pytest.importorskip("aiosmtpd", reason="needs aiosmtpd")
trustme = pytest.importorskip("trustme", reason="needs trustme")


class Mailbox:
    """Takes what comes; refuses what a test says."""

    def __init__(self) -> None:
        self.envelopes: list[Any] = []
        self.refused: set[str] = set()

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        if address in self.refused:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.envelopes.append(envelope)
        return "250 taken"

    def message(self) -> EmailMessage:
        found = message_from_bytes(self.envelopes[-1].content, policy=policy.default)
        assert isinstance(found, EmailMessage)
        return found


class Post:
    """A mail server, and how to write to it."""

    def __init__(self, mailbox: Mailbox, send: Callable[..., SentMail]) -> None:
        self.mailbox = mailbox
        self.send = send


@pytest.fixture
def authority(tmp_path: Path) -> Any:
    return trustme.CA()


@pytest.fixture(params=["starttls", "tls", "none"])
def post(request: pytest.FixtureRequest, tmp_path: Path, authority: Any) -> Iterator[Post]:
    from aiosmtpd.controller import Controller
    from aiosmtpd.smtp import AuthResult

    file = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(file))
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(served)

    def check(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=(data.login, data.password) == (b"me", b"s3cret"), handled=False, auth_data=data)

    mailbox, security = Mailbox(), request.param
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(
        mailbox, hostname="localhost", port=port, authenticator=check, auth_require_tls=False,
        tls_context=served if security == "starttls" else None, ssl_context=served if security == "tls" else None,
    )  # fmt: skip
    controller.start()

    def send(to: Any = "ada@example.org", subject: str = "News", text: str = "Hello", **given: Any) -> SentMail:
        given = {
            "sender": "Partita <me@example.org>",
            "host": "localhost",
            "security": security,
            "authority": file,
            **given,
        }
        return send_mail(to, subject, text, port=port, **given)

    yield Post(mailbox, send)
    controller.stop()


def test_a_message_arrives_with_all_that_it_has(post: Post, tmp_path: Path) -> None:
    picture = tmp_path / "plot.png"
    picture.write_bytes(b"\x89PNG not really")
    sent = post.send(
        ["Ada <ada@example.org>", "ben@example.org"], "Grüße", "Hällo", html="<b>Hällo</b>", attachments=[picture],
        cc="cid@example.org", bcc=["dan@example.org"], reply_to="desk@example.org",
    )  # fmt: skip
    assert sent.recipients == ["ada@example.org", "ben@example.org", "cid@example.org", "dan@example.org"]
    assert post.mailbox.envelopes[0].rcpt_tos == sent.recipients and sent.refused == {}
    message = post.mailbox.message()
    assert (message["Subject"], message["To"]) == ("Grüße", "Ada <ada@example.org>, ben@example.org")
    assert (message["Cc"], message["Bcc"], message["Reply-To"]) == ("cid@example.org", None, "desk@example.org")
    assert message["Message-ID"] == sent.message_id
    body, html = message.get_body(("plain",)), message.get_body(("html",))
    assert body is not None and body.get_content().strip() == "Hällo"
    assert html is not None and html.get_content().strip() == "<b>Hällo</b>"
    [attached] = message.iter_attachments()
    assert (attached.get_filename(), attached.get_content_type()) == ("plot.png", "image/png")
    assert attached.get_content() == picture.read_bytes()


def test_a_password_is_a_secret(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMTP_PASSWORD", "s3cret")
    post.send(user="me", password="${SMTP_PASSWORD}")
    monkeypatch.setenv("SMTP_PASSWORD", "wrong")
    with pytest.raises(smtplib.SMTPAuthenticationError):
        post.send(user="me", password="${SMTP_PASSWORD}")
    assert len(post.mailbox.envelopes) == 1


def test_who_is_refused_is_told(post: Post) -> None:
    post.mailbox.refused = {"ben@example.org"}
    sent = post.send(["ada@example.org", "ben@example.org"])
    assert sent.recipients == ["ada@example.org"]
    assert sent.refused == {"ben@example.org": "550 no such mailbox"}
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        post.send("ben@example.org")


def test_a_server_that_is_not_trusted_gets_nothing(post: Post, request: pytest.FixtureRequest) -> None:
    if "none" in request.node.name:
        pytest.skip("nothing is encrypted")
    with pytest.raises(ssl.SSLCertVerificationError):
        post.send(authority=None)
    assert not post.mailbox.envelopes


@pytest.mark.parametrize("bad", [{"subject": "a\nBcc: all@example.org"}, {"to": "a@example.org\nBcc: b@example.org"}])
def test_a_header_cannot_be_smuggled_in(post: Post, bad: dict[str, str]) -> None:
    with pytest.raises(ValueError):
        post.send(**bad)
    assert not post.mailbox.envelopes


def test_what_cannot_be_sent_is_refused_before() -> None:
    with pytest.raises(DefinitionError, match="is not an address"):
        send_mail("ada", "s", "t", sender="me@example.org", host="localhost")
    with pytest.raises(DefinitionError, match="no password in clear text"):
        send_mail(
            "a@b.org", "s", "t", sender="me@b.org", host="mail.example.org", security="none", user="me", password="x"
        )


def test_it_is_not_sent_twice_by_itself() -> None:
    assert send_mail.options.idempotent is False
