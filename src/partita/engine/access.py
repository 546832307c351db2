"""Who may: tokens, users and sessions as clients ask for them and change them.

Secrets do not come here: a client makes them and sends their hashes. Each change is written in one turn with its entry in the
audit, so that there is neither one without the other. Whoever asks who somebody is, is answered by what is committed at that
moment: a role that changes, a user that is disabled and a token that is revoked count from the next request on.
"""

from __future__ import annotations

from collections.abc import Callable
from hmac import compare_digest
from typing import Any

from partita.engine.audit import Audit, cleaned
from partita.engine.book import Book
from partita.errors import AccessError, NotFoundError, OptionError
from partita.protocol.access import LONGEST_NAME, LONGEST_TOKEN_S, Role, SessionView, TokenView, UserView, as_role
from partita.protocol.actions import checked_scopes
from partita.store.access import SessionRow, TokenRow, UserRow

__all__ = ["Access"]

#: So often at most is it written when a token or a session was used.
USED_EVERY_S = 60.0
#: What a provider does not vouch for: people whom somebody here has named.
LOCAL = "local"
_LONGEST = 200
_LONGEST_AGENT = 300
_NO_HASH = bytes(32)
#: Sessions that one user or one token has; whoever begins more, loses those that were seen longest ago.
_SESSIONS = 50


class Access:
    """Answers requests of clients; `verbs` names them."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._audit = Audit(book)
        self.verbs: dict[str, Callable[[dict[str, Any]], Any]] = {
            "token_create": self.create_token, "tokens": self.tokens, "token_revoke": self.revoke_token,
            "token_identify": self.identify, "users": self.users, "user_set": self.set_user,
            "user_disable": self.disable_user, "session_start": self.start_session, "session_find": self.session,
            "session_end": self.end_session, "sessions": self.sessions, "sessions_end": self.end_sessions,
            "audit": self._audit.read, "audit_note": self._audit.note_request,
        }  # fmt: skip

    # Tokens

    def create_token(self, fields: dict[str, Any]) -> TokenView | None:
        """Keep a token that a client has made; None: it was to be the first one ("is_first"), and is not.

        Raises:
            NotFoundError: there is no such user.
            OptionError: a name, a role or a scope is none.
        """
        turn, id = self._book.turn.access, _name(fields["id"], "id")
        known = self._token(id)
        if known is not None and compare_digest(known.hash, fields["hash"]):
            return _token_view(known)  # it was asked before, of an engine that ended before it answered
        if fields.get("is_first") and (turn.tokens or self._book.store.tokens()):
            return None
        user, expires_in_s = cleaned(fields.get("user") or "", _LONGEST), fields.get("expires_in_s")
        if user:
            self._need_user(user)
        if expires_in_s is not None and not 0 < float(expires_in_s) <= LONGEST_TOKEN_S:
            raise OptionError(f"a token cannot expire in {expires_in_s} s; give a duration such as 30d")
        row = TokenRow(
            id=id, name=_name(fields["name"], "name"), user=user, role=as_role(fields["role"]),
            scopes=" ".join(checked_scopes(fields.get("scopes") or [])), hash=bytes(fields["hash"]),
            created_at=self._book.now, created_by=cleaned(fields["by"][0], _LONGEST),
            expires_at=None if expires_in_s is None else self._book.now + float(expires_in_s),
            used_at=None, used_from="", revoked_at=None,
        )  # fmt: skip
        turn.tokens.append(row)
        data = {
            "name": row.name, "user": user, "role": row.role, "scopes": row.scopes.split(), "expires_at": row.expires_at
        }  # fmt: skip
        self._audit.note(fields["by"], "token.create", id, data)
        return _token_view(row)

    def tokens(self, fields: dict[str, Any]) -> list[TokenView]:
        """Tokens of a user, or all, the newest first."""
        user = fields.get("user")
        return [_token_view(row) for row in self._book.store.tokens() if user in (None, "", row.user)]

    def revoke_token(self, fields: dict[str, Any]) -> TokenView:
        """Have a token count for nothing from now on.

        Raises:
            NotFoundError: there is none of this id.
        """
        row = self._token(cleaned(fields["id"], _LONGEST))
        if row is None:
            raise NotFoundError(f"there is no token {fields['id']!r}; `partita tokens list` shows their ids")
        if row.revoked_at is None:
            self._book.turn.access.revoked.append((self._book.now, row.id))
            self._book.turn.access.ended_by.append(row.id)
            self._audit.note(fields["by"], "token.revoke", row.id, {"name": row.name, "user": row.user})
            row = row._replace(revoked_at=self._book.now)
        return _token_view(row)

    def identify(self, fields: dict[str, Any]) -> dict[str, Any] | None:
        """Whose a token is, and what it may; None: it is none that counts."""
        row = self._proved(fields["id"], fields["hash"])
        role = self._role_of(row) if row is not None else None
        if row is None or role is None:
            return None
        self._note_use(row, fields.get("address"))
        return {"name": _holder(row), "role": role.value, "credential": row.id, "scopes": row.scopes.split()}

    def _proved(self, id: object, hash: bytes) -> TokenRow | None:
        """The token, where this is what it is proved with."""
        row = self._token(cleaned(id, _LONGEST))
        is_right = compare_digest(row.hash if row is not None else _NO_HASH, bytes(hash))
        return row if is_right else None

    def _role_of(self, row: TokenRow) -> Role | None:
        """What a token may at this moment; None: it does not count."""
        if row.revoked_at is not None or (row.expires_at is not None and row.expires_at <= self._book.now):
            return None
        if not row.user:
            return as_role(row.role)
        user = self._user(row.user)
        return None if user is None or user.is_disabled else as_role(row.role).at_most(as_role(user.role))

    def _note_use(self, row: TokenRow, address: object) -> None:
        turn, now = self._book.turn.access, self._book.now
        is_noted = row.used_at is not None and now - row.used_at < USED_EVERY_S
        if not is_noted and not any(id == row.id for _, _, id in turn.token_uses):
            turn.token_uses.append((now, cleaned(address or "", _LONGEST), row.id))

    def _token(self, id: str) -> TokenRow | None:
        turn = self._book.turn.access
        row = next((row for row in turn.tokens if row.id == id), None) or self._book.store.token(id)
        revoked_at = next((at for at, revoked in turn.revoked if revoked == id), None)
        return row if row is None or row.revoked_at is not None else row._replace(revoked_at=revoked_at)

    # Users

    def users(self, fields: dict[str, Any]) -> list[UserView]:
        """All people, by name."""
        return [_user_view(row) for row in self._book.store.users()]

    def set_user(self, fields: dict[str, Any]) -> UserView:
        """Name a person, or say what they may.

        By hand ("source" is "local") the role stays from then on. With a provider's word it is set where nobody did so by hand;
        a person is whom the provider calls so, whatever their name is now: who has only the name of another gets nothing.

        Raises:
            AccessError: the name is another person's; or no role is given, and they have none that was set by hand.
            OptionError: a name or a role is none.
        """
        name, given = _user_name(fields["name"]), str(fields.get("role") or "")
        source = cleaned(fields.get("source") or LOCAL, _LONGEST)
        subject = cleaned(fields.get("subject") or "", _LONGEST)
        is_by_hand = source == LOCAL
        if not is_by_hand and (tied := self._book.store.user_of(source, subject)) is not None:
            name = tied.name  # who has another address since is the same person
        known = self._user(name)
        is_tied = known is not None and known.source != LOCAL
        if known is not None and is_tied and not is_by_hand and (known.source, known.subject) != (source, subject):
            raise AccessError(
                f"{name} is known here as another account ({known.source}, {known.subject}) than the one that signs in; an "
                f"administrator can remove the tie with `partita users set {name} --untie`"
            )
        if known is not None and is_by_hand and not fields.get("untie"):
            source, subject = known.source, known.subject
        if not given and (known is None or not (is_by_hand or known.role_from == "hand")):
            raise AccessError(
                f"{name} has no role here, and no rule in [sign_in] gives one; an administrator can: `partita users set {name} "
                "--role viewer`"
            )
        role = as_role(given or (known.role if known is not None else ""))
        row = UserRow(
            name=name, role=role, role_from="hand" if is_by_hand else "provider", source=source, subject=subject,
            created_at=self._book.now, seen_at=None, is_disabled=0,
        )  # fmt: skip
        if known is not None:
            is_kept = known.role_from == "hand" and not is_by_hand
            row = known._replace(
                role=known.role if is_kept else row.role, source=source, subject=subject,
                role_from="hand" if known.role_from == "hand" else row.role_from,
            )  # fmt: skip
        if row != known:
            self._book.turn.access.users.append(row)
            before = known.role if known is not None else ""
            data = {"role": row.role, "before": before, "source": source, "subject": subject}
            self._audit.note(fields["by"], "user.set", name, data)
        return _user_view(row)

    def disable_user(self, fields: dict[str, Any]) -> UserView:
        """Have a person neither sign in nor use a token ("is_disabled" false: again); their sessions end.

        Raises:
            NotFoundError: there is no such user.
        """
        row, is_disabled = self._need_user(cleaned(fields["name"], _LONGEST)), int(fields.get("is_disabled", True))
        turn = self._book.turn.access
        turn.disabled.append((is_disabled, row.name))
        if is_disabled:
            turn.ended_of.append(row.name)
        if is_disabled != row.is_disabled:
            self._audit.note(fields["by"], "user.disable" if is_disabled else "user.enable", row.name, {})
        return _user_view(row._replace(is_disabled=is_disabled))

    def _user(self, name: str) -> UserRow | None:
        turn = self._book.turn.access
        row = next((row for row in reversed(turn.users) if row.name == name), None) or self._book.store.user(name)
        is_disabled = next((flag for flag, named in reversed(turn.disabled) if named == name), None)
        return row if row is None or is_disabled is None else row._replace(is_disabled=is_disabled)

    def _need_user(self, name: str) -> UserRow:
        row = self._user(name)
        if row is None:
            raise NotFoundError(
                f"there is no user {name!r}; `partita users list` shows them, `partita users set` adds one"
            )
        return row

    # Sessions

    def start_session(self, fields: dict[str, Any]) -> SessionView | None:
        """Keep a session whose secret a client has made; None: it was to be one of a token ("token"), which does not count.

        Raises:
            AccessError: the user is disabled.
            NotFoundError: there is no such user.
        """
        turn, now, id = self._book.turn.access, self._book.now, _name(fields["id"], "id")
        ends_at, token_id = now + float(fields["lifetime_s"]), str(fields.get("token") or "")
        if token_id:
            token = self._proved(token_id, fields["token_hash"])
            if token is None or self._role_of(token) is None:
                return None
            user, how = _holder(token), {"token": token_id}
            ends_at = ends_at if token.expires_at is None else min(ends_at, token.expires_at)
            self._note_use(token, fields.get("address"))
        else:
            row = self._signing_in(cleaned(fields["user"], _LONGEST))
            user, how = row.name, {"source": row.source}
        known = self._book.store.session(id)
        if known is not None and compare_digest(known.hash, fields["hash"]):
            return self._view_of(known)
        session = SessionRow(
            id=id, user=user, hash=bytes(fields["hash"]), created_at=now, expires_at=ends_at,
            idle_s=float(fields["idle_s"]), seen_at=now, address=cleaned(fields.get("address") or "", _LONGEST),
            agent=cleaned(fields.get("agent") or "", _LONGEST_AGENT), token=token_id,
        )  # fmt: skip
        turn.ended += self._too_many(session)
        turn.sessions.append(session)
        turn.user_uses.append((now, user))
        turn.expired.append(now)
        self._audit.note([user, id, session.address], "sign-in", user, {"agent": session.agent, **how})
        return self._view_of(session)

    def _signing_in(self, name: str) -> UserRow:
        user = self._need_user(name)
        if user.is_disabled:
            raise AccessError(f"{user.name} may not sign in: an administrator has disabled them")
        return user

    def _too_many(self, row: SessionRow) -> list[str]:
        """Sessions that end because another one begins: nobody fills the store with them."""
        others = [it for it in self._book.store.sessions(row.user) if it.token == row.token]
        others.sort(key=lambda it: it.seen_at, reverse=True)
        return [it.id for it in others[_SESSIONS - 1 :]]

    def session(self, fields: dict[str, Any]) -> SessionView | None:
        """The session of a secret, with what it may now; None: it is over, or there is none."""
        row = self._book.store.session(cleaned(fields["id"], _LONGEST))
        if not compare_digest(row.hash if row is not None else _NO_HASH, bytes(fields["hash"])) or row is None:
            return None
        view = self._view_of(row)
        # A short time without requests is measured more finely, or it would run out while somebody is at work.
        if view is not None and self._book.now - row.seen_at >= min(USED_EVERY_S, row.idle_s / 10):
            turn = self._book.turn.access
            turn.session_uses.append((self._book.now, row.id))
            turn.user_uses.append((self._book.now, row.user))
            if row.token and (token := self._token(row.token)) is not None:
                self._note_use(token, row.address)
            view["seen_at"] = self._book.now
        return view

    def sessions(self, fields: dict[str, Any]) -> list[SessionView]:
        """Sessions of a user, or of all, the newest first; those that are over are not told."""
        rows = self._book.store.sessions(cleaned(fields.get("user") or "", _LONGEST))
        return [view for row in rows if (view := self._view_of(row)) is not None]

    def _view_of(self, row: SessionRow) -> SessionView | None:
        """What a session may at this moment; None: it is over."""
        if self._book.now >= min(row.expires_at, row.seen_at + row.idle_s):
            return None
        scopes: list[str] = []
        if row.token:
            token = self._token(row.token)
            role = self._role_of(token) if token is not None else None
            scopes = token.scopes.split() if token is not None else []
        else:
            user = self._user(row.user)
            role = as_role(user.role) if user is not None and not user.is_disabled else None
        if role is None:
            return None
        return SessionView(
            id=row.id, user=row.user, role=role.value, scopes=scopes, token=row.token, created_at=row.created_at,
            expires_at=row.expires_at, idle_s=row.idle_s, seen_at=row.seen_at, address=row.address, agent=row.agent,
        )  # fmt: skip

    def end_session(self, fields: dict[str, Any]) -> bool:
        """Sign a browser out; whether it was signed in."""
        row = self._book.store.session(cleaned(fields["id"], _LONGEST))
        if row is None:
            return False
        self._book.turn.access.ended.append(row.id)
        self._audit.note(fields["by"], "sign-out", row.user, {"session": row.id})
        return True

    def end_sessions(self, fields: dict[str, Any]) -> int:
        """Sign all browsers of a user out; how many."""
        user = cleaned(fields["user"], _LONGEST)
        found = self._book.store.sessions(user) if user else []
        if found:
            self._book.turn.access.ended_of.append(user)
            self._audit.note(fields["by"], "sign-out", user, {"sessions": len(found)})
        return len(found)


def _name(value: object, what: str) -> str:
    if (
        isinstance(value, str)
        and value.strip() == value
        and value
        and value.isprintable()
        and len(value) <= LONGEST_NAME
    ):
        return value
    raise OptionError(f"{what}={value!r} is no name; give a short text without line breaks")


def _user_name(value: object) -> str:
    name = _name(value, "name")
    if any(sign in name for sign in ":, "):  # several names are told with commas, and what is no person has a colon
        raise OptionError(
            f"a user cannot be named {name!r}; give a name without colons, commas and blanks, such as ann@example.org"
        )
    return name


def _holder(row: TokenRow) -> str:
    """What a token's bearer is called."""
    return row.user or f"token:{row.name}"


def _token_view(row: TokenRow) -> TokenView:
    return TokenView(
        id=row.id, name=row.name, user=row.user, role=str(row.role), scopes=row.scopes.split(), created_at=row.created_at,
        created_by=row.created_by, expires_at=row.expires_at, used_at=row.used_at, used_from=row.used_from,
        revoked_at=row.revoked_at,
    )  # fmt: skip


def _user_view(row: UserRow) -> UserView:
    return UserView(
        name=row.name, role=str(row.role), role_from=row.role_from, source=row.source, subject=row.subject,
        created_at=row.created_at, seen_at=row.seen_at, is_disabled=bool(row.is_disabled),
    )  # fmt: skip
