-- What attempts read and wrote and where they ran, and what was learned from them.

alter table attempt add column node text not null default '';  -- class of the machine that it runs on
alter table attempt add column input_bytes bigint not null default 0;
alter table attempt add column output_bytes bigint not null default 0;

-- It stays when the runs that taught it are deleted.
create table learned (
    scope text not null,  -- task, flow or all
    function text not null,  -- reference of the task's function, or of the flow; empty: all
    version text not null,
    node text not null,
    title text not null,
    seen bigint not null,
    state bytea not null,  -- packed state of the models
    updated_at double precision not null,
    primary key (scope, function, version, node)
);
