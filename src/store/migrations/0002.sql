-- What Claude costs, and the prompt that it was given.

alter table trials add column prompt_text text references texts (hash);
alter table trials add column prices_text text references texts (hash);

-- The most that a campaign may spend; null: no bound of its own.
alter table campaigns add column limit_usd real;

-- Dollars are set aside before a request and settled after it. One that is never settled counts as what was set aside.
create table spending (
  id integer primary key,
  campaign text references campaigns (id),
  lab text not null references labs (id),
  session text not null,
  reserved_usd real not null,
  -- Null until it is settled.
  spent_usd real,
  at text not null
) strict;

create index spending_by_campaign on spending (campaign);
create index spending_by_session on spending (session);

-- A session's cost is null when a price is not known.
create table sessions_with_unknown_cost (
  id text primary key,
  lab text not null references labs (id),
  variant text not null,
  model text not null,
  fence integer not null,
  attempt integer not null,
  steps integer not null default 0,
  cost_usd real,
  outcome text check (outcome is null or json_valid(outcome)),
  verified integer,
  started_at text not null,
  ended_at text
) strict;

insert into sessions_with_unknown_cost (id, lab, variant, model, fence, attempt, steps, cost_usd, outcome, verified, started_at, ended_at)
  select id, lab, variant, model, fence, attempt, steps, cost_usd, outcome, verified, started_at, ended_at from sessions order by rowid;
drop table sessions;
alter table sessions_with_unknown_cost rename to sessions;
