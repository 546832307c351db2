-- Who may use the workspace, and what was done in it.

create table access_token (
    id text primary key,
    name text not null,
    user_name text not null,  -- empty: a program's
    role text not null,
    scopes text not null,  -- with spaces between
    hash blob not null,  -- SHA-256 of the token
    created_at real not null,
    created_by text not null,
    expires_at real,
    used_at real,
    used_from text not null,
    revoked_at real
) without rowid;

create table access_user (
    name text primary key,
    role text not null,
    role_from text not null,
    source text not null,
    subject text not null,
    created_at real not null,
    seen_at real,
    is_disabled integer not null
) without rowid;
create index access_user_subject on access_user (source, subject);

create table access_session (
    id text primary key,
    user_name text not null,
    hash blob not null,  -- SHA-256 of the secret
    created_at real not null,
    expires_at real not null,
    idle_s real not null,
    seen_at real not null,
    address text not null,
    agent text not null
) without rowid;
create index access_session_user on access_session (user_name);

create table audit (
    number integer primary key,
    at real not null,
    who text not null,
    credential text not null,
    address text not null,
    action text not null,
    target text not null,
    outcome text not null,
    data text not null  -- JSON: the hashes in it keep no blob
);
create index audit_who on audit (who, number);
create index audit_action on audit (action, number);
create index audit_target on audit (target, number);

create trigger audit_is_not_changed before update on audit begin
    select raise(abort, 'the audit is only ever added to');
end;

create trigger audit_is_not_deleted before delete on audit begin
    select raise(abort, 'the audit is only ever added to');
end;

-- "insert or replace" deletes without asking the trigger above.
create trigger audit_goes_on before insert on audit
when new.number <> (select coalesce(max(number), 0) + 1 from audit) begin
    select raise(abort, 'the audit is only ever added to, one number after the other');
end;
