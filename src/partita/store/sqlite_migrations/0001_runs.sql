-- A step's key is run << 32 | id, so that a run's steps lie together and one integer finds any of them.

create table lease (
    only integer primary key check (only = 1),
    epoch integer not null,  -- grows whenever an engine takes the store
    owner text not null
);
insert into lease values (1, 0, '');

create table counter (
    name text primary key,
    value integer not null
) without rowid;
insert into counter values ('run', 0);

create table run (
    number integer primary key,
    id text not null unique,
    flow text not null,
    title text not null,
    state integer not null,
    bundle text not null,
    inputs blob,
    options blob,
    created_at real not null,
    started_at real,
    ended_at real,
    error blob,
    notes blob,
    parent text  -- id of the run that launched it, taken from the options
);
create index run_unfinished on run (number) where state < 4;
create index run_parent on run (parent) where parent is not null;

create table profile (
    run integer not null,
    id integer not null,
    packed blob not null,
    primary key (run, id)
) without rowid;

create table step (
    key integer primary key,
    state integer not null,  -- what is counted and updated stands before what may spill to other pages
    marks integer not null,
    attempts integer not null,
    failures integer not null,
    crashes integer not null,
    finished integer not null,
    due_at real,
    parent integer not null,
    kind integer not null,
    profile integer not null,
    fallback_of integer not null,
    name text not null,
    place text not null,
    inputs blob,
    value blob,
    error blob,
    arguments blob
);

create table attempt (
    step integer not null,  -- the step's key
    number integer not null,
    executor text not null,
    started_at real not null,
    outcome text,  -- null: has not ended
    began_at real,  -- as the worker saw it
    ended_at real,
    cpu_s real,
    peak_bytes integer,
    error blob,
    log text,
    primary key (step, number)
) without rowid;

create table report (
    step integer not null,  -- the step's key
    attempt integer not null,
    name text not null,
    value,  -- of no type: a column of reals would lose the sign of -0.0
    at_step integer,
    reported_at real not null
);
create index report_step on report (step);
