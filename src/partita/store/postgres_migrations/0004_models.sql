-- The model registry.

create table model (
    name text primary key,
    description text not null,
    tags bytea not null,  -- packed map of texts
    created_at double precision not null
);

create table model_version (
    name text not null,
    number bigint not null,
    digest text not null,  -- of what the model is
    value bytea not null,  -- packed node of the Model
    record bytea not null,  -- packed map of what is known of it
    metrics bytea not null,  -- packed map of numbers
    tags bytea not null,
    description text not null,
    run text not null,  -- id of the run that registered it; empty: no run did
    step bigint not null,
    author text not null,
    created_at double precision not null,
    primary key (name, number)
);
create index model_version_digest on model_version (name, digest);
create index model_version_run on model_version (run);

create table model_evaluation (
    name text not null,
    number bigint not null,
    title text not null,  -- of the data that it was made on
    value bytea not null,  -- packed node of a map
    run text not null,
    step bigint not null,
    made_at double precision not null,
    primary key (name, number, title)
);

create table model_alias (
    name text not null,
    alias text not null,
    number bigint not null,
    moved_at double precision not null,
    primary key (name, alias)
);

-- Who moved which alias, and why; it is only ever added to.
create table model_move (
    id bigint primary key,
    name text not null,
    alias text not null,
    before bigint not null,  -- 0: it was new
    after bigint not null,  -- 0: it was taken away
    author text not null,
    why text not null,
    moved_at double precision not null,
    record bytea not null  -- packed map: verdicts of gates, ...
);
create index model_move_name on model_move (name, alias, id);

create table model_use (
    run bigint not null,
    step bigint not null,
    name text not null,
    number bigint not null,
    alias text not null,  -- by which it was asked for; empty: by its number
    used_at double precision not null,
    primary key (run, step, name, number)
);
create index model_use_version on model_use (name, number);
