-- Secrets of the workspace. The key that opens them is not here.

create table secret (
    name text primary key,
    version integer not null,
    key text not null,  -- name of the key that it was encrypted with
    ciphertext blob not null,
    created_at real not null,
    created_by text not null,
    rotated_at real not null,
    rotated_by text not null
) without rowid;
