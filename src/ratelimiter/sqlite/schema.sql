-- The truth: one row for each unit that was allowed, until it leaves its window.
create table log (
  key text not null,
  at_ms integer not null,
  id text not null,
  primary key (key, at_ms, id)
) strict, without rowid;

-- What the API reports: the number of rows in `log`, adjusted by each transaction that adds or removes some.
-- Nothing recomputes it in passing, so an error stays visible until somebody runs `recount`.
create table counters (
  key text primary key,
  used integer not null
) strict, without rowid;

-- The longest prefix of a key decides. The empty prefix is the default.
create table limits (
  prefix text primary key,
  max integer not null check (max >= 0),
  window_ms integer not null check (window_ms > 0)
) strict, without rowid;

create table blocks (
  key text primary key,
  until_ms integer not null,
  reason text not null
) strict, without rowid;

-- A heartbeat of 0 means that the node said goodbye.
create table nodes (
  name text primary key,
  url text not null,
  pid integer not null,
  started_at_ms integer not null,
  heartbeat_ms integer not null
) strict, without rowid;
