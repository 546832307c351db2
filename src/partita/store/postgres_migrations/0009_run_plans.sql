-- When the steps of runs were planned to begin and end, and how the estimate of each run's finish went.

create table run_plan (
    run bigint not null,
    part integer not null,  -- 0: the estimates; from 1 on steps, as they were laid out
    packed bytea not null,
    primary key (run, part)
);
