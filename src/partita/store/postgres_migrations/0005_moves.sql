-- Of several engines one moves the aliases of a model at a time, and only from what it takes an alias to name.

-- Until the turn is committed no other engine gets beyond this; what is read afterwards is what is so.
create function hold_model(given_name text) returns void language plpgsql as $$
begin
    perform pg_advisory_xact_lock(hashtextextended(current_schema() || ' model ' || given_name, 0));
end
$$;

create function move_alias(
    given_id bigint, given_name text, given_alias text, given_before bigint, given_after bigint, given_author text,
    given_why text, given_moved_at double precision, given_record bytea
) returns void language plpgsql as $$
begin
    if given_before <> given_after then
        perform hold_model(given_name);
        if given_before <> coalesce((select number from model_alias where name = given_name and alias = given_alias), 0)
            or given_after <> 0 and not exists (
                select from model_version where name = given_name and number = given_after
            )
            or exists (
                select from model_move
                where name = given_name and alias = given_alias and id > given_id and before <> after
            )
        then
            raise exception 'the alias % of % cannot go from % to %', given_alias, given_name, given_before, given_after
                using errcode = 'PT002', detail = 'move ' || given_id;
        end if;
        delete from model_alias where name = given_name and alias = given_alias;
        insert into model_alias (name, alias, number, moved_at)
            select given_name, given_alias, given_after, given_moved_at where given_after <> 0;
    end if;
    insert into model_move (id, name, alias, before, after, author, why, moved_at, record)
    values (
        given_id, given_name, given_alias, given_before, given_after, given_author, given_why, given_moved_at, given_record
    );
end
$$;

create function forget_version(given_name text, given_number bigint) returns void language plpgsql as $$
begin
    perform hold_model(given_name);
    if exists (select from model_alias where name = given_name and number = given_number) then
        raise exception 'an alias names version % of %', given_number, given_name
            using errcode = 'PT002', detail = 'version ' || given_number || ' ' || given_name;
    end if;
    delete from model_version where name = given_name and number = given_number;
end
$$;
