-- Secrets of the workspace. The key that opens them is not here.

create table secret (
    name text primary key,
    version bigint not null,
    key text not null,  -- name of the key that it was encrypted with
    ciphertext bytea not null,
    created_at double precision not null,
    created_by text not null,
    rotated_at double precision not null,
    rotated_by text not null
);
