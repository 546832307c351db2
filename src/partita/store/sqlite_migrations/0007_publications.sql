-- Published flows, their stages and gates.

create table publication (
    name text not null,
    number integer not null,
    digest text not null,  -- of the flow's reference and its bundle
    flow text not null,  -- reference of the flow in the bundle
    bundle text not null,  -- hash of its code, which is kept as long as this row
    record blob not null,  -- packed map: signature, graph, code, source
    note text not null,
    author text not null,
    created_at real not null,
    retired_at real,  -- since when no run is started of it
    primary key (name, number)
) without rowid;

create table stage (
    name text not null,
    stage text not null,
    number integer not null,
    moved_at real not null,
    primary key (name, stage)
) without rowid;

-- Who moved which stage, and why; it is only ever added to.
create table stage_move (
    id integer primary key,
    name text not null,
    stage text not null,
    before integer not null,  -- 0: it had none
    after integer not null,  -- 0: it has none since
    author text not null,
    why text not null,
    moved_at real not null,
    record blob not null  -- packed map: run of the gates, verdicts, ...
);
create index stage_move_name on stage_move (name, stage, id);

create table gate_check (
    run text primary key,  -- id of the run that checks
    name text not null,
    number integer not null,
    stage text not null,
    author text not null,  -- who asked for it
    why text not null,
    asked_at real not null
) without rowid;
create index gate_check_name on gate_check (name, number, asked_at);

create table gate_finding (
    name text not null,
    number integer not null,
    stage text not null,
    gate text not null,
    is_met integer not null,
    told text not null,
    run text not null,
    step integer not null,
    found_at real not null,
    primary key (name, number, stage, gate)
) without rowid;

create table published_run (
    run integer primary key,
    name text not null,
    number integer not null
);
create index published_run_name on published_run (name, number, run);
