"""Sending e-mail over SMTP."""

from __future__ import annotations

import mimetypes
import smtplib
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, getaddresses
from hashlib import blake2b
from pathlib import Path
from typing import Literal

from partita.components.variables import filled
from partita.errors import DefinitionError
from partita.flow.context import context
from partita.flow.task import task

__all__ = ["SentMail", "send_mail"]

_HERE = frozenset({"localhost", "127.0.0.1", "::1"})
_PORTS = {"starttls": 587, "tls": 465, "none": 25}


@dataclass(frozen=True, slots=True)
class SentMail:
    """A message that a server has taken."""

    message_id: str
    recipients: list[str]  # whom the server has taken it for
    refused: dict[str, str]  # address -> why the server did not


@task(idempotent=False, tags=("mail", "e-mail", "smtp", "notify"))
def send_mail(
    to: str | list[str],
    subject: str,
    text: str,
    *,
    sender: str,
    host: str,
    port: int = 0,
    security: Literal["starttls", "tls", "none"] = "starttls",
    user: str = "",
    password: str = "",
    html: str = "",
    attachments: Sequence[Path] = (),
    cc: str | list[str] = "",
    bcc: str | list[str] = "",
    reply_to: str = "",
    authority: Path | None = None,
    timeout_s: float = 30.0,
) -> SentMail:
    """Send an e-mail.

    It is never started twice where nobody knows whether it was sent. Its Message-ID is the same for every attempt of
    the step.

    Args:
        to: who gets it.
        subject: one line.
        text: the message as plain text.
        sender: whom it is from.
        host: the mail server.
        port: default: 587, for "tls" 465, for "none" 25.
        security: "starttls" and "tls" check the server's certificate. "none" sends in clear text, and no password.
        user: for servers that ask who sends.
        password: names a secret, as "${SMTP_PASSWORD}".
        html: the message once more, as HTML.
        attachments: files.
        cc: who gets a copy.
        bcc: who gets a copy that the others do not see.
        reply_to: who gets the answers.
        authority: a file of certificates to trust instead of the system's.
        timeout_s: seconds to connect, and seconds without an answer.

    Raises:
        SMTPException: the server refused it, or all recipients.
    """
    message = _message(sender, to, cc, subject, text, html, attachments, reply_to)
    recipients = [address for _, address in getaddresses([*_list(to), *_list(cc), *_list(bcc)])]
    if not recipients or not all("@" in address for address in recipients):
        raise DefinitionError(f"send_mail: {to!r} is not an address; write name@example.org")
    if password and security == "none" and host not in _HERE:
        raise DefinitionError("send_mail sends no password in clear text; use security='starttls' or 'tls'")
    with _connected(host, port or _PORTS[security], security, authority, timeout_s) as server:
        if user:
            server.login(filled(user, "send_mail's user"), filled(password, "send_mail's password"))
        refused = server.send_message(message, to_addrs=recipients)
    reasons = {address: f"{code} {reason.decode('utf-8', 'replace')}" for address, (code, reason) in refused.items()}
    return SentMail(str(message["Message-ID"]), [item for item in recipients if item not in reasons], reasons)


def _message(
    sender: str,
    to: str | list[str],
    cc: str | list[str],
    subject: str,
    text: str,
    html: str,
    attachments: Sequence[Path],
    reply_to: str,
) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, ", ".join(_list(to)), subject
    if cc:
        message["Cc"] = ", ".join(_list(cc))
    if reply_to:
        message["Reply-To"] = reply_to
    message["Date"] = formatdate(localtime=True)
    message["Message-ID"] = _identity(sender)
    message.set_content(text)
    if html:
        message.add_alternative(html, subtype="html")
    for path in attachments:
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        main, _, sub = kind.partition("/")
        message.add_attachment(path.read_bytes(), maintype=main, subtype=sub, filename=path.name)
    return message


def _identity(sender: str) -> str:
    """The same for every attempt of the step, so that a mailbox may know a message that came twice."""
    attempt = context()
    if attempt.run == "local":
        from email.utils import make_msgid

        return make_msgid()
    domain = sender.rpartition("@")[2].strip(" >") or "localhost"
    return f"<{blake2b(attempt.idempotency_key.encode(), digest_size=16).hexdigest()}@{domain}>"


def _list(addresses: str | Sequence[str]) -> list[str]:
    return [addresses] if addresses and isinstance(addresses, str) else list(addresses)


@contextmanager
def _connected(host: str, port: int, security: str, authority: Path | None, timeout_s: float) -> Iterator[smtplib.SMTP]:
    trusted = ssl.create_default_context(cafile=str(authority) if authority is not None else None)
    if security == "tls":
        with smtplib.SMTP_SSL(host, port, timeout=timeout_s, context=trusted) as server:
            yield server
        return
    with smtplib.SMTP(host, port, timeout=timeout_s) as server:
        if security == "starttls":
            server.starttls(context=trusted)
        yield server
