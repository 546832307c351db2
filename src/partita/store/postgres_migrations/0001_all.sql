-- The same tables as SQLite's (sqlite_migrations), in a schema of PostgreSQL's own that the connection has as its first.
-- A step's key is run << 32 | id.

create table lease (
    only_one integer primary key check (only_one = 1),
    epoch bigint not null,  -- grows whenever an engine takes the store
    owner text not null,
    turn bigint not null  -- number of the last turn that this epoch has committed
);
insert into lease values (1, 0, '', 0);

-- First statement of every turn: the row stays locked until the turn is committed, so that nobody takes the lease between.
-- Afterwards the number of the turn says whether a commit whose answer was lost came through.
create function fence(given_epoch bigint, given_turn bigint) returns void language plpgsql as $$
begin
    update lease set turn = given_turn where epoch = given_epoch;
    if not found then
        raise exception 'the lease has passed on' using errcode = 'PT001';
    end if;
end
$$;

create table counter (
    name text primary key,
    value bigint not null
);
insert into counter values ('run', 0), ('event', 0);

create table run (
    number bigint primary key,
    id text not null unique,
    flow text not null,
    title text not null,
    state integer not null,
    bundle text not null,
    inputs bytea,
    options bytea,
    created_at double precision not null,
    started_at double precision,
    ended_at double precision,
    error bytea,
    notes bytea,
    parent text  -- id of the run that launched it, taken from the options
);
create index run_unfinished on run (number) where state < 4;
create index run_parent on run (parent) where parent is not null;

create table profile (
    run bigint not null,
    id integer not null,
    packed bytea not null,
    primary key (run, id)
);

create table step (
    key bigint primary key,
    parent bigint not null,
    name text not null,
    kind integer not null,
    profile integer not null,
    arguments bytea,
    inputs bytea,
    fallback_of bigint not null,
    place text not null,
    state integer not null,
    value bytea,
    error bytea,
    attempts integer not null,
    failures integer not null,
    crashes integer not null,
    due_at double precision,
    finished bigint not null,
    marks integer not null
) with (fillfactor = 70);  -- each step is updated a few times, best on its own page

create table attempt (
    step bigint not null,  -- the step's key
    number integer not null,
    executor text not null,
    started_at double precision not null,
    outcome text,  -- null: has not ended
    began_at double precision,  -- as the worker saw it
    ended_at double precision,
    cpu_s double precision,
    peak_bytes bigint,
    error bytea,
    log text,
    primary key (step, number)
) with (fillfactor = 70);

create table report (
    place bigint generated always as identity primary key,  -- the order in which they came
    step bigint not null,  -- the step's key
    attempt integer not null,
    name text not null,
    value double precision,
    at_step bigint,
    reported_at double precision not null
);
create index report_step on report (step, place);

-- What steps wait for besides other steps: a time, an event, a person.
create table wait (
    step bigint primary key,  -- the step's key
    kind text not null,  -- sleep, until, event, approval or answer
    name text not null,  -- of the event, or the question
    key text,
    opened_at double precision not null,
    due_at double precision,
    spec bytea not null,  -- packed map of what the wait was laid out with
    votes bytea,  -- packed list of what persons have said so far
    closed_at double precision,
    outcome text not null  -- empty while it is open
);
create index wait_open on wait (opened_at) where closed_at is null;

create table event (
    number bigint primary key,
    run bigint not null,  -- 0: for any run
    name text not null,
    key text,
    id text not null,  -- a second event of this id is the same one
    data bytea not null,  -- packed node
    sender text not null,
    sent_at double precision not null,
    taken_by bigint  -- key of the step that got it; null: waits to be taken
);
create unique index event_id on event (run, id);
create index event_pending on event (run, number) where taken_by is null;

-- Values of steps by what they were made from. The value lies here too, so that the run that made it may be pruned.
create table cached (
    key bytea primary key,
    function text not null,
    title text not null,
    run text not null,  -- id of the run that computed it
    step bigint not null,
    value bytea not null,
    parts bytea not null,  -- packed map of what the key was made of, for explanations
    created_at double precision not null,
    expires_at double precision,
    hits bigint not null,
    hit_at double precision
);
create index cached_function on cached (function, created_at);
