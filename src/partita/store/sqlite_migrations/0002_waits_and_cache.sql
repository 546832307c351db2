-- What steps wait for besides other steps: a time, an event, a person.

create table wait (
    step integer primary key,  -- the step's key
    kind text not null,  -- sleep, until, event, approval or answer
    name text not null,  -- of the event, or the question
    key text,
    opened_at real not null,
    due_at real,
    spec blob not null,  -- packed map of what the wait was laid out with
    votes blob,  -- packed list of what persons have said so far
    closed_at real,
    outcome text not null  -- empty while it is open
);
create index wait_open on wait (opened_at) where closed_at is null;

create table event (
    number integer primary key,
    run integer not null,  -- 0: for any run
    name text not null,
    key text,
    id text not null,  -- a second event of this id is the same one
    data blob not null,  -- packed node
    sender text not null,
    sent_at real not null,
    taken_by integer  -- key of the step that got it; null: waits to be taken
);
create unique index event_id on event (run, id);
create index event_pending on event (run, number) where taken_by is null;
insert into counter values ('event', 0);

-- Values of steps by what they were made from. The value lies here too, so that the run that made it may be pruned.

create table cached (
    key blob primary key,
    function text not null,
    title text not null,
    run text not null,  -- id of the run that computed it
    step integer not null,
    value blob not null,
    parts blob not null,  -- packed map of what the key was made of, for explanations
    created_at real not null,
    expires_at real,
    hits integer not null,
    hit_at real
) without rowid;
create index cached_function on cached (function, created_at);
