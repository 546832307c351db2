-- Several engines share the runs: each has a lease of its own, and each unfinished run has an engine.

create table engine (
    id bigint generated always as identity primary key,
    epoch bigint not null default 1,  -- grows when the lease is taken from the engine
    turn bigint not null default 0,  -- number of the last turn that it has committed
    owner text not null,  -- "host:pid", for people
    place text not null,  -- names the folder of its state; two engines are never in one at once
    lease_s double precision not null,  -- so long after its last sign of life its runs may be taken over
    renewed_at timestamptz not null default clock_timestamp(),  -- its last sign of life, by the clock of this server
    ended_at timestamptz  -- null: it is up, as far as is known
) with (fillfactor = 10);  -- a row is updated with every turn, best on its own page

alter table run add column engine bigint not null default 0;  -- the one that works on it, or did last; 0: none
create index run_of_engine on run (engine) where state < 4;

create table workspace (
    only_one integer primary key check (only_one = 1),
    key text not null  -- fingerprint of the key that workers sign pickles with
);

-- What engines ask each other for their clients, and answer. A row goes when it is read.
create table message (
    number bigint generated always as identity primary key,
    sender bigint not null,
    recipient bigint not null,
    reply_to bigint not null,  -- number of the message that this one answers; 0: it asks
    body bytea not null,
    sent_at timestamptz not null default clock_timestamp()
);
create index message_recipient on message (recipient);

-- Which engine makes what any of them might be asked to make at the same time: a run with a key, an event with an id.
create table claim (
    name text primary key,
    engine bigint not null,
    claimed_at timestamptz not null default clock_timestamp()
);

-- How much of a named limit each engine has for its steps.
create table slot (
    name text not null,
    engine bigint not null,
    held bigint not null,
    primary key (name, engine)
);

-- First statement of every turn: the row stays locked until the turn is committed, so that nobody takes the lease between.
-- Afterwards the number of the turn says whether a commit whose answer was lost came through.
create function fence(given_engine bigint, given_epoch bigint, given_turn bigint) returns void language plpgsql as $$
begin
    update engine set turn = given_turn, renewed_at = clock_timestamp() where id = given_engine and epoch = given_epoch;
    if not found then
        raise exception 'the lease has passed on' using errcode = 'PT001';
    end if;
end
$$;

-- An engine from before has lost its lease.
create or replace function fence(given_epoch bigint, given_turn bigint) returns void language plpgsql as $$
begin
    raise exception 'the lease has passed on' using errcode = 'PT001';
end
$$;
drop table lease;

-- Seconds until the engine's lease is over. While the server was down nobody could renew one.
create function left_s(renewed_at timestamptz, lease_s double precision) returns double precision language sql as $$
    select extract(epoch from greatest(renewed_at, pg_postmaster_start_time()) - clock_timestamp())::float8 + lease_s
$$;

create function begin_engine(given_owner text, given_place text, given_lease_s double precision, channel text)
returns bigint language plpgsql as $$
declare
    made bigint;
begin
    update engine set epoch = epoch + 1, ended_at = clock_timestamp() where place = given_place and ended_at is null;
    delete from engine where ended_at < clock_timestamp() - interval '30 days'
        and not exists (select from run where run.engine = engine.id and run.state < 4);
    delete from slot where engine in (select id from engine where ended_at is not null);
    delete from claim where claimed_at < clock_timestamp() - interval '1 hour';
    delete from message where sent_at < clock_timestamp() - interval '1 hour';
    insert into engine (owner, place, lease_s) values (given_owner, given_place, given_lease_s) returning id into made;
    perform pg_notify(channel, 'engines ' || made);
    return made;
end
$$;

-- Give the taker the unfinished runs of engines that have ended or whose lease is over, and end these. Their rows are
-- locked: one that is committing a turn is not dead, and of two takers one gets the runs.
create function take_over(taker bigint, taker_epoch bigint, channel text) returns bigint language plpgsql as $$
declare
    gone bigint[];
    moved bigint;
begin
    update engine set renewed_at = clock_timestamp() where id = taker and epoch = taker_epoch;
    if not found then
        raise exception 'the lease has passed on' using errcode = 'PT001';
    end if;
    select coalesce(array_agg(lapsed.id), '{}') into gone from (
        select id from engine
        where id <> taker and (
            ended_at is null and left_s(renewed_at, lease_s) <= 0
            or ended_at is not null and id in (select run.engine from run where run.state < 4)
        )
        order by id for update skip locked
    ) as lapsed;
    update engine set epoch = epoch + 1, ended_at = coalesce(ended_at, clock_timestamp()) where id = any(gone);
    update run set engine = taker where state < 4 and (engine = any(gone) or engine = 0);
    get diagnostics moved = row_count;
    if cardinality(gone) > 0 then
        delete from message where sender = any(gone) or recipient = any(gone);
        perform pg_notify(channel, 'engines ' || taker);
    end if;
    return moved;
end
$$;

-- Let the engine have so much of a limit, where the engines that are up leave as much; says how much it has. Where they do not,
-- they are told that somebody wants it.
create function take_slots(taker bigint, slot_name text, wanted bigint, capacity bigint, channel text) returns bigint
language plpgsql as $$
declare
    others bigint;
    has bigint;
begin
    perform pg_advisory_xact_lock(hashtextextended(channel || ' ' || slot_name, 0));
    select coalesce(sum(held) filter (where slot.engine <> taker), 0), coalesce(sum(held) filter (where slot.engine = taker), 0)
        into others, has
        from slot join engine on engine.id = slot.engine where slot.name = slot_name and engine.ended_at is null;
    if others + wanted <= capacity then
        insert into slot (name, engine, held) values (slot_name, taker, wanted)
            on conflict (name, engine) do update set held = excluded.held;
        return wanted;
    end if;
    perform pg_notify(channel, 'slots ' || taker);
    return has;
end
$$;
