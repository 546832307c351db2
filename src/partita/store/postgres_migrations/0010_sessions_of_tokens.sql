-- A browser that signed in with a token has a session that counts no longer than the token.

alter table access_session add column token text not null default '';  -- its id; empty: a provider vouched for the user
create index access_session_token on access_session (token);
