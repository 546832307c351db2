-- The model registry.

create table model (
    name text primary key,
    description text not null,
    tags blob not null,  -- packed map of texts
    created_at real not null
) without rowid;

create table model_version (
    name text not null,
    number integer not null,
    digest text not null,  -- of what the model is
    value blob not null,  -- packed node of the Model
    record blob not null,  -- packed map of what is known of it
    metrics blob not null,  -- packed map of numbers
    tags blob not null,
    description text not null,
    run text not null,  -- id of the run that registered it; empty: no run did
    step integer not null,
    author text not null,
    created_at real not null,
    primary key (name, number)
) without rowid;
create index model_version_digest on model_version (name, digest);
create index model_version_run on model_version (run);

create table model_evaluation (
    name text not null,
    number integer not null,
    title text not null,  -- of the data that it was made on
    value blob not null,  -- packed node of a map
    run text not null,
    step integer not null,
    made_at real not null,
    primary key (name, number, title)
) without rowid;

create table model_alias (
    name text not null,
    alias text not null,
    number integer not null,
    moved_at real not null,
    primary key (name, alias)
) without rowid;

-- Who moved which alias, and why; it is only ever added to.
create table model_move (
    id integer primary key,
    name text not null,
    alias text not null,
    before integer not null,  -- 0: it was new
    after integer not null,  -- 0: it was taken away
    author text not null,
    why text not null,
    moved_at real not null,
    record blob not null  -- packed map: verdicts of gates, ...
);
create index model_move_name on model_move (name, alias, id);

create table model_use (
    run integer not null,
    step integer not null,
    name text not null,
    number integer not null,
    alias text not null,  -- by which it was asked for; empty: by its number
    used_at real not null,
    primary key (run, step, name, number)
) without rowid;
create index model_use_version on model_use (name, number);
