-- An engine may work on no runs itself, and hand on what is launched at it to those that do.

alter table engine add column works boolean not null default true;

drop function begin_engine(text, text, double precision, text);

create function begin_engine(
    given_owner text, given_place text, given_lease_s double precision, given_works boolean, channel text
) returns bigint language plpgsql as $$
declare
    made bigint;
begin
    update engine set epoch = epoch + 1, ended_at = clock_timestamp() where place = given_place and ended_at is null;
    delete from engine where ended_at < clock_timestamp() - interval '30 days'
        and not exists (select from run where run.engine = engine.id and run.state < 4);
    delete from slot where engine in (select id from engine where ended_at is not null);
    delete from claim where claimed_at < clock_timestamp() - interval '1 hour';
    delete from message where sent_at < clock_timestamp() - interval '1 hour';
    insert into engine (owner, place, lease_s, works) values (given_owner, given_place, given_lease_s, given_works)
        returning id into made;
    perform pg_notify(channel, 'engines ' || made);
    return made;
end
$$;
