-- Who may use the workspace, and what was done in it.

create table access_token (
    id text primary key,
    name text not null,
    user_name text not null,  -- empty: a program's
    role text not null,
    scopes text not null,  -- with spaces between
    hash bytea not null,  -- SHA-256 of the token
    created_at double precision not null,
    created_by text not null,
    expires_at double precision,
    used_at double precision,
    used_from text not null,
    revoked_at double precision
);

create table access_user (
    name text primary key,
    role text not null,
    role_from text not null,
    source text not null,
    subject text not null,
    created_at double precision not null,
    seen_at double precision,
    is_disabled integer not null
);
create index access_user_subject on access_user (source, subject);

create table access_session (
    id text primary key,
    user_name text not null,
    hash bytea not null,  -- SHA-256 of the secret
    created_at double precision not null,
    expires_at double precision not null,
    idle_s double precision not null,
    seen_at double precision not null,
    address text not null,
    agent text not null
);
create index access_session_user on access_session (user_name);

create table audit (
    number bigint primary key,
    at double precision not null,
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

create function refuse_change_of_audit() returns trigger language plpgsql as $$
begin
    raise exception 'the audit is only ever added to';
end
$$;

create trigger audit_is_not_changed before update or delete on audit
    for each row execute function refuse_change_of_audit();

create trigger audit_is_not_emptied before truncate on audit
    for each statement execute function refuse_change_of_audit();

-- Until the turn is committed no other engine gets beyond the lock: numbers become visible in their order, and have no gap.
create function note_audit(
    given_at double precision, given_who text, given_credential text, given_address text, given_action text,
    given_target text, given_outcome text, given_data text
) returns void language plpgsql as $$
begin
    perform pg_advisory_xact_lock(hashtextextended(current_schema() || ' audit', 0));
    insert into audit (number, at, who, credential, address, action, target, outcome, data)
    select coalesce(max(number), 0) + 1, given_at, given_who, given_credential, given_address, given_action, given_target,
        given_outcome, given_data
    from audit;
end
$$;
