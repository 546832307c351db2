-- The statements that PostgreSQL says otherwise than queries.sql, which has all others.

-- name: take_lease
update lease set epoch = epoch + 1, owner = ?1, turn = 0 returning epoch

-- name: fence
select fence(?1, ?2)

-- name: turn
select turn from lease where epoch = ?1

-- name: has_version
select 1 from pg_catalog.pg_tables where schemaname = ?1 and tablename = 'partita_schema'

-- name: columns
select table_name::text, column_name::text, data_type::text from information_schema.columns where table_schema = ?1

-- name: next_run
update counter set value = greatest(value, (select coalesce(max(number), 0) from run)) + 1 where name = 'run'
returning value

-- name: insert_attempt
insert into attempt (step, number, executor, started_at) values (?1 << 32 | ?2, ?3, ?4, ?5)
on conflict (step, number) do update set executor = excluded.executor, started_at = excluded.started_at, outcome = null,
    began_at = null, ended_at = null, cpu_s = null, peak_bytes = null, error = null, log = null

-- name: runs
select number, id, flow, title, state, bundle, inputs, options, created_at, started_at, ended_at, error, notes
from run
where (?1 = '' or flow = ?1 or title = ?1)
    and (cardinality(?2::bigint[]) = 0 or state = any(?2::bigint[]))
    and (?3 = 0 or number < ?3)
order by number desc limit ?4

-- name: values
select key & 4294967295, value from step
where key = any(select ?1 << 32 | wanted from unnest(?2::bigint[]) as wanted) and value is not null

-- name: named_steps
select ?1, key & 4294967295, parent, name, kind, profile, arguments, inputs, fallback_of, place, state, value, error,
    attempts, failures, crashes, due_at, finished, marks
from step where key >= ?1 << 32 and key < (?1 + 1) << 32 and name = any(?2::text[]) order by key

-- name: reports
select ?1, step & 4294967295, attempt, name, value, at_step, reported_at
from report where step >= ?1 << 32 | ?2 and step < (?1 << 32) + ?3 order by step, place limit ?4

-- name: naming
select key >> 32, key & 4294967295 from step
where key > (?1 << 32) + ?2 and key <= ?4 and value is not null and position(?3 in value) > 0 order by key

-- name: insert_wait
insert into wait (step, kind, name, key, opened_at, due_at, spec, votes, closed_at, outcome)
values (?1 << 32 | ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
on conflict (step) do update set kind = excluded.kind, name = excluded.name, key = excluded.key,
    opened_at = excluded.opened_at, due_at = excluded.due_at, spec = excluded.spec, votes = excluded.votes,
    closed_at = excluded.closed_at, outcome = excluded.outcome

-- name: insert_cached
insert into cached (key, function, title, run, step, value, parts, created_at, expires_at, hits, hit_at)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
on conflict (key) do update set function = excluded.function, title = excluded.title, run = excluded.run,
    step = excluded.step, value = excluded.value, parts = excluded.parts, created_at = excluded.created_at,
    expires_at = excluded.expires_at, hits = excluded.hits, hit_at = excluded.hit_at
