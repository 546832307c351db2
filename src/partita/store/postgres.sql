-- The statements that PostgreSQL says otherwise than queries.sql, which has all others.

-- name: begin_engine
select begin_engine(?1, ?2, ?3, ?4, ?5)

-- name: fence
select fence(?1, ?2, ?3)

-- name: turn
select turn from engine where id = ?1 and epoch = ?2

-- name: end_engine
update engine set ended_at = clock_timestamp() where id = ?1 and epoch = ?2 and ended_at is null
returning pg_notify(?3, 'engines ' || id)

-- name: renew
update engine set renewed_at = clock_timestamp() where id = ?1 and epoch = ?2 returning id

-- name: others
select id, owner, left_s(renewed_at, lease_s), works from engine where ended_at is null and id <> ?1 order by id

-- The engine that is where the run's was: it has the run's logs, and its unfinished runs.
-- name: owner_of
select engine.id, engine.owner, case when engine.ended_at is null then left_s(engine.renewed_at, engine.lease_s) else 0.0 end,
    engine.works
from run join engine as former on former.id = run.engine join engine on engine.place = former.place
where run.number = ?1 order by engine.id desc limit 1

-- The sessions of an engine whose lease is over: one of them may hold a turn open that will never be committed.
-- name: end_sessions
select pg_terminate_backend(pid) from pg_stat_activity
where application_name = ?1 and datname = current_database() and pid <> pg_backend_pid()

-- name: take_over
select take_over(?1, ?2, ?3)

-- name: send_message
with sent as (
    insert into message (sender, recipient, reply_to, body) values (?1, ?2, ?3, ?4) returning number, recipient
)
select number, pg_notify(?5, 'message ' || recipient) from sent

-- name: receive_messages
delete from message where recipient = ?1 returning number, sender, reply_to, body

-- name: tell
select pg_notify(?1, ?2)

-- Whoever claimed it first has it, unless that engine has ended.
-- name: claim
insert into claim as held (name, engine) values (?1, ?2)
on conflict (name) do update set engine = case
    when exists (select from engine where id = held.engine and ended_at is null) then held.engine else excluded.engine
end
returning engine

-- name: take_slots
select take_slots(?1, ?2, ?3, ?4, ?5)

-- name: give_slots
with given as (update slot set held = ?3 where engine = ?1 and name = ?2 and held > ?3 returning 1)
select pg_notify(?4, 'slots ' || ?1::bigint) from given

-- name: claim_event
update event set taken_by = ?2 << 32 | ?3 where number = ?1 and taken_by is null returning number

-- name: event_of
select number, data from event where taken_by = ?1 << 32 | ?2

-- name: admit_key
insert into workspace (only_one, key) values (1, ?1) on conflict (only_one) do update set key = workspace.key returning key

-- name: owned_runs
select number, id, flow, title, state, bundle, inputs, options, created_at, started_at, ended_at, error, notes
from run where state < 4 and engine = ?1 order by number

-- name: insert_run
insert into run (number, id, flow, title, state, bundle, inputs, options, created_at, started_at, ended_at, error,
    notes, parent, engine)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)

-- name: has_version
select 1 from pg_catalog.pg_tables where schemaname = ?1 and tablename = 'partita_schema'

-- name: columns
select table_name::text, column_name::text, data_type::text from information_schema.columns where table_schema = ?1

-- name: next_run
update counter set value = greatest(value, (select coalesce(max(number), 0) from run)) + 1 where name = 'run'
returning value

-- name: insert_attempt
insert into attempt (step, number, executor, started_at, node, input_bytes) values (?1 << 32 | ?2, ?3, ?4, ?5, ?6, ?7)
on conflict (step, number) do update set executor = excluded.executor, started_at = excluded.started_at,
    node = excluded.node, input_bytes = excluded.input_bytes, outcome = null, began_at = null, ended_at = null,
    cpu_s = null, peak_bytes = null, error = null, log = null, output_bytes = 0

-- name: runs
select number, id, flow, title, state, bundle, inputs, options, created_at, started_at, ended_at, error, notes
from run
where (?1 = '' or flow = ?1 or title = ?1)
    and (cardinality(?2::bigint[]) = 0 or state = any(?2::bigint[]))
    and (?3 = 0 or number < ?3)
    and (?5 = '' or strpos(lower(title || ' ' || id || ' ' || flow), lower(?5)) > 0)
    and created_at >= ?6 and (?7 = 0 or created_at < ?7)
order by number desc limit ?4

-- name: runs_above
select flow, count(*) from run
where number > ?1 and (?2 = '' or flow = ?2 or title = ?2)
    and (cardinality(?3::bigint[]) = 0 or state = any(?3::bigint[]))
group by flow

-- name: runs_upwards
select number, id, flow, title, state, bundle, inputs, options, created_at, started_at, ended_at, error, notes
from run
where (?1 = '' or flow = ?1 or title = ?1)
    and (cardinality(?2::bigint[]) = 0 or state = any(?2::bigint[]))
    and number > ?3
    and (?5 = '' or strpos(lower(title || ' ' || id || ' ' || flow), lower(?5)) > 0)
    and created_at >= ?6 and (?7 = 0 or created_at < ?7)
order by number limit ?4

-- name: values
select key & 4294967295, value from step
where key = any(select ?1 << 32 | wanted from unnest(?2::bigint[]) as wanted) and value is not null

-- name: named_steps
select ?1, key & 4294967295, parent, name, kind, profile, arguments, inputs, fallback_of, place, state, value, error,
    attempts, failures, crashes, due_at, finished, marks
from step where key >= ?1 << 32 and key < (?1 + 1) << 32 and name = any(?2::text[]) order by key

-- name: chosen_steps
select ?1, key & 4294967295, parent, name, kind, profile, arguments, inputs, fallback_of, place, state, value, error,
    attempts, failures, crashes, due_at, finished, marks
from step where key = any(select ?1 << 32 | wanted from unnest(?2::bigint[]) as wanted where wanted between 0 and 4294967295)
order by key

-- The last come first, so that a limit keeps those.
-- name: reports
select ?1, step & 4294967295, attempt, name, value, at_step, reported_at
from report where step >= ?1 << 32 | ?2 and step < (?1 << 32) + ?3 order by step desc, place desc limit ?4

-- name: naming
select key >> 32, key & 4294967295 from step
where key > (?1 << 32) + ?2 and key <= ?4 and value is not null and position(?3 in value) > 0 order by key

-- name: insert_wait
insert into wait (step, kind, name, key, opened_at, due_at, spec, votes, closed_at, outcome)
values (?1 << 32 | ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
on conflict (step) do update set kind = excluded.kind, name = excluded.name, key = excluded.key,
    opened_at = excluded.opened_at, due_at = excluded.due_at, spec = excluded.spec, votes = excluded.votes,
    closed_at = excluded.closed_at, outcome = excluded.outcome

-- Held, so that what another engine says of it in the same moment is added to this, and does not take its place.
-- name: version_to_note
select name, number, digest, value, record, metrics, tags, description, run, step, author, created_at
from model_version where name = ?1 and number = ?2 for update

-- In their order, so that engines that write the same ones at once do not wait for each other crosswise.
-- name: lock_cached
select key from cached where key = any(?1::bytea[]) order by key for update

-- name: insert_cached
insert into cached (key, function, title, run, step, value, parts, created_at, expires_at, hits, hit_at)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
on conflict (key) do update set function = excluded.function, title = excluded.title, run = excluded.run,
    step = excluded.step, value = excluded.value, parts = excluded.parts, created_at = excluded.created_at,
    expires_at = excluded.expires_at, hits = excluded.hits, hit_at = excluded.hit_at

-- name: move_alias
select move_alias(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)

-- name: forget_version
select forget_version(?1, ?2)

-- name: insert_audit
select note_audit(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
-- name: move_stage
select move_stage(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)

-- name: retire_publication
select retire_publication(?1, ?2, ?3)

-- name: published_runs
select run.number, run.id, run.flow, run.title, run.state, run.bundle, run.inputs, run.options, run.created_at,
    run.started_at, run.ended_at, run.error, run.notes
from published_run as published join run on run.number = published.run
where published.name = ?1 and (?2 = 0 or published.number = ?2)
    and (cardinality(?3::bigint[]) = 0 or run.state = any(?3::bigint[]))
    and (?4 = 0 or published.run < ?4)
    and (?6 = '' or run.flow = ?6 or run.title = ?6)
    and (?7 = '' or strpos(lower(run.title || ' ' || run.id || ' ' || run.flow), lower(?7)) > 0)
    and run.created_at >= ?8 and (?9 = 0 or run.created_at < ?9)
order by published.run desc limit ?5

-- name: published_runs_upwards
select run.number, run.id, run.flow, run.title, run.state, run.bundle, run.inputs, run.options, run.created_at,
    run.started_at, run.ended_at, run.error, run.notes
from published_run as published join run on run.number = published.run
where published.name = ?1 and (?2 = 0 or published.number = ?2)
    and (cardinality(?3::bigint[]) = 0 or run.state = any(?3::bigint[]))
    and published.run > ?4
    and (?6 = '' or run.flow = ?6 or run.title = ?6)
    and (?7 = '' or strpos(lower(run.title || ' ' || run.id || ' ' || run.flow), lower(?7)) > 0)
    and run.created_at >= ?8 and (?9 = 0 or run.created_at < ?9)
order by published.run limit ?5
