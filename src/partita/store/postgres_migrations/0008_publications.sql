-- Published flows, their stages and gates.

create table publication (
    name text not null,
    number bigint not null,
    digest text not null,  -- of the flow's reference and its bundle
    flow text not null,  -- reference of the flow in the bundle
    bundle text not null,  -- hash of its code, which is kept as long as this row
    record bytea not null,  -- packed map: signature, graph, code, source
    note text not null,
    author text not null,
    created_at double precision not null,
    retired_at double precision,  -- since when no run is started of it
    primary key (name, number)
);

create table stage (
    name text not null,
    stage text not null,
    number bigint not null,
    moved_at double precision not null,
    primary key (name, stage)
);

-- Who moved which stage, and why; it is only ever added to.
create table stage_move (
    id bigint primary key,
    name text not null,
    stage text not null,
    before bigint not null,  -- 0: it had none
    after bigint not null,  -- 0: it has none since
    author text not null,
    why text not null,
    moved_at double precision not null,
    record bytea not null  -- packed map: run of the gates, verdicts, ...
);
create index stage_move_name on stage_move (name, stage, id);

create table gate_check (
    run text primary key,  -- id of the run that checks
    name text not null,
    number bigint not null,
    stage text not null,
    author text not null,  -- who asked for it
    why text not null,
    asked_at double precision not null
);
create index gate_check_name on gate_check (name, number, asked_at);

create table gate_finding (
    name text not null,
    number bigint not null,
    stage text not null,
    gate text not null,
    is_met bigint not null,
    told text not null,
    run text not null,
    step bigint not null,
    found_at double precision not null,
    primary key (name, number, stage, gate)
);

create table published_run (
    run bigint primary key,
    name text not null,
    number bigint not null
);
create index published_run_name on published_run (name, number, run);

-- As of models: of several engines one moves the stages of a flow at a time, and only from what it takes a stage to have.

-- Until the turn is committed no other engine gets beyond this; what is read afterwards is what is so.
create function hold_stages(given_name text) returns void language plpgsql as $$
begin
    perform pg_advisory_xact_lock(hashtextextended(current_schema() || ' stages ' || given_name, 0));
end
$$;

create function move_stage(
    given_id bigint, given_name text, given_stage text, given_before bigint, given_after bigint, given_author text,
    given_why text, given_moved_at double precision, given_record bytea
) returns void language plpgsql as $$
begin
    if given_before <> given_after then
        perform hold_stages(given_name);
        if given_before <> coalesce((select number from stage where name = given_name and stage = given_stage), 0)
            or given_after <> 0 and not exists (
                select from publication where name = given_name and number = given_after and retired_at is null
            )
            or exists (
                select from stage_move
                where name = given_name and stage = given_stage and id > given_id and before <> after
            )
        then
            raise exception 'the stage % of % cannot go from % to %', given_stage, given_name, given_before, given_after
                using errcode = 'PT002', detail = 'stage ' || given_id;
        end if;
        delete from stage where name = given_name and stage = given_stage;
        insert into stage (name, stage, number, moved_at)
            select given_name, given_stage, given_after, given_moved_at where given_after <> 0;
    end if;
    insert into stage_move (id, name, stage, before, after, author, why, moved_at, record)
    values (
        given_id, given_name, given_stage, given_before, given_after, given_author, given_why, given_moved_at, given_record
    );
end
$$;

create function retire_publication(
    given_retired_at double precision, given_name text, given_number bigint
) returns void language plpgsql as $$
begin
    perform hold_stages(given_name);
    if exists (select from stage where name = given_name and number = given_number) then
        raise exception 'a stage has version % of %', given_number, given_name
            using errcode = 'PT002', detail = 'publication ' || given_number || ' ' || given_name;
    end if;
    update publication set retired_at = coalesce(retired_at, given_retired_at)
        where name = given_name and number = given_number;
end
$$;
