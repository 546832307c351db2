-- Every statement of the SQLite store. A block starts with its name; ?1, ?2, ... are its parameters in order.

-- name: begin
begin immediate

-- name: epoch
select epoch from lease

-- name: take_lease
update lease set epoch = epoch + 1, owner = ?1 returning epoch

-- name: next_run
update counter set value = max(value, (select coalesce(max(number), 0) from run)) + 1 where name = 'run' returning value

-- name: insert_run
insert into run (number, id, flow, title, state, bundle, inputs, options, created_at, started_at, ended_at, error,
    notes, parent)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)

-- name: update_run
update run set state = ?1, started_at = ?2, ended_at = ?3, error = ?4, notes = ?5 where number = ?6

-- name: insert_profile
insert into profile (run, id, packed) values (?1, ?2, ?3)

-- name: insert_step
insert into step (key, parent, name, kind, profile, arguments, inputs, fallback_of, place, state, value, error,
    attempts, failures, crashes, due_at, finished, marks)
values (?1 << 32 | ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)

-- The value and error that are there stay where none is given: an update need not know them.
-- name: update_step
update step set state = ?1, value = coalesce(?2, value), error = coalesce(?3, error), attempts = ?4, failures = ?5,
    crashes = ?6, due_at = ?7, finished = ?8, marks = ?9
where key = ?10 << 32 | ?11

-- The end of the range is added, not combined: it may be one past the largest id.
-- name: drop_steps
delete from step where key >= ?1 << 32 | ?2 and key < (?1 << 32) + ?3

-- name: drop_attempts
delete from attempt where step >= ?1 << 32 | ?2 and step < (?1 << 32) + ?3

-- name: drop_reports
delete from report where step >= ?1 << 32 | ?2 and step < (?1 << 32) + ?3

-- The number of an attempt that never began is given again.
-- name: insert_attempt
insert or replace into attempt (step, number, executor, started_at, node, input_bytes)
values (?1 << 32 | ?2, ?3, ?4, ?5, ?6, ?7)

-- name: end_attempt
update attempt set outcome = ?1, began_at = ?2, ended_at = ?3, cpu_s = ?4, peak_bytes = ?5, error = ?6, log = ?7,
    output_bytes = ?11
where step = ?8 << 32 | ?9 and number = ?10

-- name: insert_report
insert into report (step, attempt, name, value, at_step, reported_at) values (?1 << 32 | ?2, ?3, ?4, ?5, ?6, ?7)

-- name: run
select number, id, flow, title, state, bundle, inputs, options, created_at, started_at, ended_at, error, notes
from run where id = ?1

-- name: run_by_number
select number, id, flow, title, state, bundle, inputs, options, created_at, started_at, ended_at, error, notes
from run where number = ?1

-- The states come as a JSON list; an empty one admits all.
-- name: runs
select number, id, flow, title, state, bundle, inputs, options, created_at, started_at, ended_at, error, notes
from run
where (?1 = '' or flow = ?1 or title = ?1)
    and (?2 = '[]' or state in (select value from json_each(?2)))
    and (?3 = 0 or number < ?3)
    and (?5 = '' or instr(lower(title || ' ' || id || ' ' || flow), lower(?5)))
    and created_at >= ?6 and (?7 = 0 or created_at < ?7)
order by number desc limit ?4

-- The same, the other way round.
-- name: runs_upwards
select number, id, flow, title, state, bundle, inputs, options, created_at, started_at, ended_at, error, notes
from run
where (?1 = '' or flow = ?1 or title = ?1)
    and (?2 = '[]' or state in (select value from json_each(?2)))
    and number > ?3
    and (?5 = '' or instr(lower(title || ' ' || id || ' ' || flow), lower(?5)))
    and created_at >= ?6 and (?7 = 0 or created_at < ?7)
order by number limit ?4

-- name: runs_above
select flow, count(*) from run
where number > ?1 and (?2 = '' or flow = ?2 or title = ?2)
    and (?3 = '[]' or state in (select value from json_each(?3)))
group by flow

-- name: unfinished_runs
select number, id, flow, title, state, bundle, inputs, options, created_at, started_at, ended_at, error, notes
from run where state < 4 order by number

-- name: children
select number, id, flow, title, state, bundle, inputs, options, created_at, started_at, ended_at, error, notes
from run where parent = (select id from run where number = ?1) order by number

-- name: profiles
select run, id, packed from profile where run = ?1 order by id

-- name: steps
select ?1, key & 4294967295, parent, name, kind, profile, arguments, inputs, fallback_of, place, state, value, error,
    attempts, failures, crashes, due_at, finished, marks
from step where key > (?1 << 32) + ?2 and key < (?1 + 1) << 32 order by key limit ?3

-- name: value
select value from step where key = ?1 << 32 | ?2

-- The ids come as a JSON list.
-- name: values
select step.key & 4294967295, step.value from json_each(?2) as wanted join step on step.key = ?1 << 32 | wanted.value
where step.value is not null

-- name: arguments
select arguments from step where key = ?1 << 32 | ?2

-- name: counts
select state, count(*) from step where key >= ?1 << 32 and key < (?1 + 1) << 32 group by state

-- name: attempts
select ?1, step & 4294967295, number, executor, started_at, node, input_bytes, outcome, began_at, ended_at, cpu_s,
    peak_bytes, error, log, output_bytes
from attempt where step >= ?1 << 32 | ?2 and step < (?1 << 32) + ?3 order by step, number limit ?4

-- name: open_attempts
select ?1, step & 4294967295, number, executor, started_at, node, input_bytes
from attempt where step >= ?1 << 32 and step < (?1 + 1) << 32 and outcome is null order by step, number

-- The last come first, so that a limit keeps those.
-- name: reports
select ?1, step & 4294967295, attempt, name, value, at_step, reported_at
from report where step >= ?1 << 32 | ?2 and step < (?1 << 32) + ?3 order by step desc, rowid desc limit ?4

-- name: ended
select step & 4294967295, max(ended_at) from attempt
where step >= ?1 << 32 | ?2 and step < (?1 << 32) + ?3 and ended_at is not null group by step

-- name: durations
select step & 4294967295, sum(ended_at - coalesce(began_at, started_at)) from attempt
where step >= ?1 << 32 | ?2 and step < (?1 << 32) + ?3 and ended_at is not null group by step

-- The names come as a JSON list.
-- name: named_steps
select ?1, key & 4294967295, parent, name, kind, profile, arguments, inputs, fallback_of, place, state, value, error,
    attempts, failures, crashes, due_at, finished, marks
from step where key >= ?1 << 32 and key < (?1 + 1) << 32 and name in (select value from json_each(?2)) order by key

-- The ids come as a JSON list.
-- name: chosen_steps
select ?1, key & 4294967295, parent, name, kind, profile, arguments, inputs, fallback_of, place, state, value, error,
    attempts, failures, crashes, due_at, finished, marks
from step where key in (select ?1 << 32 | value from json_each(?2) where value between 0 and 4294967295) order by key

-- The last key of a page of rows; none: the page reaches the end.
-- name: naming_end
select key from step where key > (?1 << 32) + ?2 order by key limit 1 offset ?3 - 1

-- name: naming
select key >> 32, key & 4294967295 from step
where key > (?1 << 32) + ?2 and key <= ?4 and value is not null and instr(value, ?3) order by key

-- name: insert_wait
insert or replace into wait (step, kind, name, key, opened_at, due_at, spec, votes, closed_at, outcome)
values (?1 << 32 | ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)

-- name: update_wait
update wait set votes = coalesce(?1, votes), closed_at = ?2, outcome = ?3 where step = ?4 << 32 | ?5

-- name: waits
select step >> 32, step & 4294967295, kind, name, key, opened_at, due_at, spec, votes, closed_at, outcome
from wait where step >= ?1 << 32 | ?2 and step < (?1 << 32) + ?3 order by step

-- name: open_waits
select step >> 32, step & 4294967295, kind, name, key, opened_at, due_at, spec, votes, closed_at, outcome
from wait where closed_at is null and (opened_at, step) > (?1, ?2 << 32 | ?3) and (?4 = '' or kind in (?4, ?5, ?6, ?7))
order by opened_at, step limit ?8

-- What persons were asked and have said, the newest runs first.
-- name: closed_waits
select step >> 32, step & 4294967295, kind, name, key, opened_at, due_at, spec, votes, closed_at, outcome
from wait where closed_at is not null and kind in ('approval', 'answer') and (?1 = 0 or step < (?1 << 32 | ?2))
order by step desc limit ?3

-- name: drop_waits
delete from wait where step >= ?1 << 32 | ?2 and step < (?1 << 32) + ?3

-- name: next_event
update counter set value = value + 1 where name = 'event' returning value

-- name: insert_event
insert into event (number, run, name, key, id, data, sender, sent_at) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)

-- name: take_event
update event set taken_by = ?1 << 32 | ?2 where number = ?3

-- name: pending_events
select number, run, name, key, id, data, sender, sent_at, taken_by from event
where run = ?1 and taken_by is null order by number

-- name: event
select number, run, name, key, id, data, sender, sent_at, taken_by from event where run = ?1 and id = ?2

-- name: delete_events
delete from event where run = ?1

-- name: insert_cached
insert or replace into cached (key, function, title, run, step, value, parts, created_at, expires_at, hits, hit_at)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)

-- name: hit_cached
update cached set hits = hits + 1, hit_at = ?1 where key = ?2

-- name: delete_cached
delete from cached where key = ?1

-- name: cached
select key, function, title, run, step, value, parts, created_at, expires_at, hits, hit_at from cached where key = ?1

-- name: cache_entries
select key, function, title, run, step, value, parts, created_at, expires_at, hits, hit_at from cached
where ?1 = '' or function = ?1 or title = ?1 order by created_at desc limit ?2

-- There is no index: it is asked seldom, and looking through all takes milliseconds.
-- name: cache_maker
select run from cached where value = ?1 limit 1

-- name: cache_makers
select distinct run from cached
where value in (select value from step where key >= ?1 << 32 and key < (?1 + 1) << 32 and (marks & ?2) > 0)

-- name: learned
select scope, function, version, node, title, seen, state, updated_at from learned
where (?1 = '' or scope = ?1) and (?2 = '' or function = ?2)

-- name: insert_learned
insert into learned (scope, function, version, node, title, seen, state, updated_at)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
on conflict (scope, function, version, node) do update set title = excluded.title, seen = excluded.seen,
    state = excluded.state, updated_at = excluded.updated_at

-- name: delete_learned
delete from learned where scope = ?1 and function = ?2

-- name: delete_run
delete from run where number = ?1

-- name: insert_plan
insert into run_plan (run, part, packed) values (?1, ?2, ?3)
on conflict (run, part) do update set packed = excluded.packed

-- name: plan
select run, part, packed from run_plan where run = ?1 order by part

-- name: delete_plan
delete from run_plan where run = ?1

-- name: delete_profiles
delete from profile where run = ?1

-- A counter that is made when it is first asked for.
-- name: next_of
insert into counter (name, value) values (?1, 1) on conflict (name) do update set value = counter.value + 1
returning value

-- What is said of a model is replaced by what is said later.
-- name: insert_model
insert into model (name, description, tags, created_at) values (?1, ?2, ?3, ?4)
on conflict (name) do update set description = excluded.description, tags = excluded.tags

-- name: insert_version
insert into model_version (name, number, digest, value, record, metrics, tags, description, run, step, author, created_at)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)

-- name: update_version
update model_version set metrics = ?1, tags = ?2, description = ?3 where name = ?4 and number = ?5

-- name: delete_version
delete from model_version where name = ?1 and number = ?2

-- name: delete_evaluations
delete from model_evaluation where name = ?1 and number = ?2

-- name: insert_evaluation
insert into model_evaluation (name, number, title, value, run, step, made_at) values (?1, ?2, ?3, ?4, ?5, ?6, ?7)
on conflict (name, number, title) do update set value = excluded.value, run = excluded.run, step = excluded.step,
    made_at = excluded.made_at

-- name: insert_alias
insert into model_alias (name, alias, number, moved_at) values (?1, ?2, ?3, ?4)
on conflict (name, alias) do update set number = excluded.number, moved_at = excluded.moved_at

-- name: delete_alias
delete from model_alias where name = ?1 and alias = ?2

-- name: insert_move
insert into model_move (id, name, alias, before, after, author, why, moved_at, record)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)

-- name: insert_model_use
insert into model_use (run, step, name, number, alias, used_at) values (?1, ?2, ?3, ?4, ?5, ?6)
on conflict (run, step, name, number) do update set alias = excluded.alias, used_at = excluded.used_at

-- name: models
select name, description, tags, created_at from model where ?1 = '' or name = ?1 order by name limit ?2

-- name: versions
select name, number, digest, value, record, metrics, tags, description, run, step, author, created_at
from model_version where name = ?1 and (?2 = 0 or number < ?2) order by number desc limit ?3

-- name: version_counts
select name, count(*), max(number) from model_version where ?1 = '' or name = ?1 group by name

-- name: version
select name, number, digest, value, record, metrics, tags, description, run, step, author, created_at
from model_version where name = ?1 and number = ?2

-- name: equal_version
select name, number, digest, value, record, metrics, tags, description, run, step, author, created_at
from model_version where name = ?1 and digest = ?2 order by number limit 1

-- name: versions_made
select name, number, digest, value, record, metrics, tags, description, run, step, author, created_at
from model_version where run = ?1 order by step, name, number

-- name: aliases
select name, alias, number, moved_at from model_alias where ?1 = '' or name = ?1

-- name: moves
select id, name, alias, before, after, author, why, moved_at, record from model_move
where name = ?1 and (?2 = '' or alias = ?2) order by id desc limit ?3

-- name: later_move
select id from model_move where name = ?1 and alias = ?2 and id > ?3 and before <> after limit 1

-- name: evaluations
select name, number, title, value, run, step, made_at from model_evaluation where name = ?1 and number = ?2

-- name: evaluation_titles
select number, title from model_evaluation where name = ?1 and number between ?2 and ?3

-- name: model_uses
select run, step, name, number, alias, used_at from model_use
where (?1 = 0 or run = ?1) and (?2 = '' or (name = ?2 and number = ?3))

-- name: delete_model_uses
delete from model_use where run = ?1

-- name: secrets
select name, version, key, ciphertext, created_at, created_by, rotated_at, rotated_by from secret
where ?1 = '' or name = ?1

-- Of two engines that set it at once, the later version stays.
-- name: insert_secret
insert into secret (name, version, key, ciphertext, created_at, created_by, rotated_at, rotated_by)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
on conflict (name) do update set version = excluded.version, key = excluded.key, ciphertext = excluded.ciphertext,
    rotated_at = excluded.rotated_at, rotated_by = excluded.rotated_by
where excluded.version > secret.version

-- What was set meanwhile stays.
-- name: seal_secret
update secret set key = ?1, ciphertext = ?2 where name = ?3 and version = ?4

-- name: delete_secret
delete from secret where name = ?1

-- name: insert_token
insert into access_token (id, name, user_name, role, scopes, hash, created_at, created_by, expires_at, used_at, used_from,
    revoked_at)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) on conflict (id) do nothing

-- name: use_token
update access_token set used_at = ?1, used_from = ?2 where id = ?3

-- When it was revoked first is what counts.
-- name: revoke_token
update access_token set revoked_at = coalesce(revoked_at, ?1) where id = ?2

-- A role that was set by hand stays when its user signs in; whether somebody is disabled is nothing that signing in changes.
-- name: insert_user
insert into access_user (name, role, role_from, source, subject, created_at, seen_at, is_disabled)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
on conflict (name) do update set
    role = case when access_user.role_from = 'hand' and excluded.role_from <> 'hand' then access_user.role
        else excluded.role end,
    role_from = case when access_user.role_from = 'hand' then access_user.role_from else excluded.role_from end,
    source = excluded.source, subject = excluded.subject

-- name: use_user
update access_user set seen_at = ?1 where name = ?2

-- name: disable_user
update access_user set is_disabled = ?1 where name = ?2

-- name: insert_session
insert into access_session (id, user_name, hash, created_at, expires_at, idle_s, seen_at, address, agent, token)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) on conflict (id) do nothing

-- name: use_session
update access_session set seen_at = ?1 where id = ?2

-- name: end_session
delete from access_session where id = ?1

-- name: end_sessions_of
delete from access_session where user_name = ?1

-- name: end_sessions_by
delete from access_session where token = ?1

-- name: expire_sessions
delete from access_session where expires_at <= ?1 or seen_at + idle_s <= ?1

-- Nobody else writes meanwhile, and no row is ever deleted: the numbers have no gap.
-- name: insert_audit
insert into audit (number, at, who, credential, address, action, target, outcome, data)
select coalesce(max(number), 0) + 1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 from audit

-- name: token
select id, name, user_name, role, scopes, hash, created_at, created_by, expires_at, used_at, used_from, revoked_at
from access_token where id = ?1

-- name: tokens
select id, name, user_name, role, scopes, hash, created_at, created_by, expires_at, used_at, used_from, revoked_at
from access_token order by created_at desc, id

-- name: user
select name, role, role_from, source, subject, created_at, seen_at, is_disabled from access_user where name = ?1

-- name: user_of
select name, role, role_from, source, subject, created_at, seen_at, is_disabled from access_user
where source = ?1 and subject = ?2 order by name limit 1

-- name: users
select name, role, role_from, source, subject, created_at, seen_at, is_disabled from access_user

-- name: session
select id, user_name, hash, created_at, expires_at, idle_s, seen_at, address, agent, token from access_session where id = ?1

-- name: sessions
select id, user_name, hash, created_at, expires_at, idle_s, seen_at, address, agent, token from access_session
where ?1 = '' or user_name = ?1 order by created_at desc, id

-- "token" finds "token.create", too.
-- name: audit
select number, at, who, credential, address, action, target, outcome, data from audit
where (?1 = '' or who = ?1) and (?2 = '' or action = ?2 or substr(action, 1, length(?2) + 1) = ?2 || '.')
    and (?3 = '' or target = ?3) and at >= ?4 and (?5 = 0 or at < ?5) and (?6 = 0 or number < ?6)
order by number desc limit ?7

-- name: audit_after
select number, at, who, credential, address, action, target, outcome, data from audit
where (?1 = '' or who = ?1) and (?2 = '' or action = ?2 or substr(action, 1, length(?2) + 1) = ?2 || '.')
    and (?3 = '' or target = ?3) and at >= ?4 and (?5 = 0 or at < ?5) and number > ?6
order by number limit ?7
-- name: insert_publication
insert into publication (name, number, digest, flow, bundle, record, note, author, created_at, retired_at)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)

-- name: retire_publication
update publication set retired_at = coalesce(retired_at, ?1) where name = ?2 and number = ?3

-- name: publications
select name, number, digest, flow, bundle, record, note, author, created_at, retired_at
from publication where name = ?1 and (?2 = 0 or number < ?2) order by number desc limit ?3

-- name: publication_names
select name, max(number) from publication group by name

-- name: publication
select name, number, digest, flow, bundle, record, note, author, created_at, retired_at
from publication where name = ?1 and number = ?2

-- name: insert_stage
insert into stage (name, stage, number, moved_at) values (?1, ?2, ?3, ?4)
on conflict (name, stage) do update set number = excluded.number, moved_at = excluded.moved_at

-- name: delete_stage
delete from stage where name = ?1 and stage = ?2

-- name: insert_stage_move
insert into stage_move (id, name, stage, before, after, author, why, moved_at, record)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)

-- name: stages
select name, stage, number, moved_at from stage where ?1 = '' or name = ?1

-- name: stage_moves
select id, name, stage, before, after, author, why, moved_at, record from stage_move
where name = ?1 and (?2 = '' or stage = ?2) and (?3 = 0 or id < ?3) order by id desc limit ?4

-- name: later_stage_move
select id from stage_move where name = ?1 and stage = ?2 and id > ?3 and before <> after limit 1

-- name: insert_gate_check
insert into gate_check (run, name, number, stage, author, why, asked_at) values (?1, ?2, ?3, ?4, ?5, ?6, ?7)
on conflict (run) do nothing

-- name: gate_checks
select run, name, number, stage, author, why, asked_at from gate_check
where name = ?1 and number = ?2 and (?3 = '' or stage = ?3) order by asked_at desc, run desc limit ?4

-- name: gate_check
select run, name, number, stage, author, why, asked_at from gate_check where run = ?1

-- name: insert_gate_finding
insert into gate_finding (name, number, stage, gate, is_met, told, run, step, found_at)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
on conflict (name, number, stage, gate) do update set is_met = excluded.is_met, told = excluded.told,
    run = excluded.run, step = excluded.step, found_at = excluded.found_at

-- name: gate_findings
select name, number, stage, gate, is_met, told, run, step, found_at from gate_finding where name = ?1 and number = ?2

-- name: insert_published_run
insert into published_run (run, name, number) values (?1, ?2, ?3)

-- The states come as a JSON list; an empty one admits all.
-- name: published_runs
select run.number, run.id, run.flow, run.title, run.state, run.bundle, run.inputs, run.options, run.created_at,
    run.started_at, run.ended_at, run.error, run.notes
from published_run as published join run on run.number = published.run
where published.name = ?1 and (?2 = 0 or published.number = ?2)
    and (?3 = '[]' or run.state in (select value from json_each(?3)))
    and (?4 = 0 or published.run < ?4)
    and (?6 = '' or run.flow = ?6 or run.title = ?6)
    and (?7 = '' or instr(lower(run.title || ' ' || run.id || ' ' || run.flow), lower(?7)))
    and run.created_at >= ?8 and (?9 = 0 or run.created_at < ?9)
order by published.run desc limit ?5

-- The same, the other way round.
-- name: published_runs_upwards
select run.number, run.id, run.flow, run.title, run.state, run.bundle, run.inputs, run.options, run.created_at,
    run.started_at, run.ended_at, run.error, run.notes
from published_run as published join run on run.number = published.run
where published.name = ?1 and (?2 = 0 or published.number = ?2)
    and (?3 = '[]' or run.state in (select value from json_each(?3)))
    and published.run > ?4
    and (?6 = '' or run.flow = ?6 or run.title = ?6)
    and (?7 = '' or instr(lower(run.title || ' ' || run.id || ' ' || run.flow), lower(?7)))
    and run.created_at >= ?8 and (?9 = 0 or run.created_at < ?9)
order by published.run limit ?5

-- name: delete_published_runs
delete from published_run where run = ?1
