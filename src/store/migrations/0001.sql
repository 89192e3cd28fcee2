-- The log, and what follows from it. Times are UTC ISO-8601 with milliseconds; *_ms are milliseconds.

create table texts (
  hash text primary key,
  kind text not null,
  name text not null,
  content text not null
) strict;

create table blobs (
  hash text primary key,
  size_bytes integer not null,
  codec text not null check (codec in ('raw', 'zstd')),
  content blob not null
) strict;

create table campaigns (
  id text primary key,
  name text not null,
  matrix_hash text not null,
  matrix text not null check (json_valid(matrix)),
  created_at text not null,
  ended_at text,
  -- The process that runs it now. One that is dead holds nothing.
  runner_boot text,
  runner_pid integer,
  runner_started text
) strict;

create index campaigns_by_name on campaigns (name, created_at);

-- One row an attempt: a retried trial keeps its earlier rows.
create table trials (
  id text primary key,
  campaign text not null references campaigns (id),
  subject text not null,
  fault text not null,
  target text not null,
  params text not null check (json_valid(params)),
  variant text not null,
  repetition integer not null,
  attempt integer not null,
  seed integer not null,
  limits text not null check (json_valid(limits)),
  subject_text text not null references texts (hash),
  variant_text text not null references texts (hash),
  environment text not null check (json_valid(environment)),
  stage text not null,
  reason text,
  lab text,
  verdict text,
  created_at text not null,
  started_at text,
  ended_at text,
  unique (campaign, subject, fault, target, params, variant, repetition, attempt)
) strict;

create table labs (
  id text primary key,
  subject text not null,
  subject_text text not null references texts (hash),
  platform text not null,
  dir text not null,
  trial text references trials (id),
  state text not null check (state in ('starting', 'up', 'ending', 'destroyed')),
  owner_boot text not null,
  owner_pid integer not null,
  owner_started text not null,
  guardian_pid integer,
  guardian_started text,
  created_at text not null,
  deadline_at text not null,
  destroyed_at text,
  -- The agent's lease: who works on this lab, under which fencing number, until when (on the monotonic clock).
  session text,
  fence integer not null default 0,
  lease_until_ms real not null default 0,
  attempts integer not null default 0,
  -- The monitor's word: since when every gate holds (null: one does not), and when it last looked.
  holds_since_ms real,
  monitor text,
  monitor_seen_ms real not null default 0
) strict;

create table events (
  lab text not null references labs (id),
  seq integer not null,
  at text not null,
  mono_ms real not null,
  kind text not null,
  session text,
  body text not null check (json_valid(body)),
  blob text,
  prev text not null,
  hash text not null,
  primary key (lab, seq)
) strict, without rowid;

create index events_by_session on events (session, seq) where session is not null;

create trigger events_are_not_updated before update on events
begin select raise(abort, 'the event log is append-only'); end;

create trigger events_are_not_deleted before delete on events
begin select raise(abort, 'the event log is append-only'); end;

-- A replacement fires no trigger of a deletion, so an insertion anywhere but at the end is refused, too.
create trigger events_are_appended before insert on events
when new.seq <> (select coalesce(max(seq), 0) + 1 from events where lab = new.lab)
begin select raise(abort, 'the event log is append-only'); end;

create table sessions (
  id text primary key,
  lab text not null references labs (id),
  variant text not null,
  model text not null,
  fence integer not null,
  attempt integer not null,
  steps integer not null default 0,
  cost_usd real not null default 0,
  outcome text check (outcome is null or json_valid(outcome)),
  verified integer,
  started_at text not null,
  ended_at text
) strict;

create table tickets (
  id text primary key,
  lab text not null references labs (id),
  invariant text not null,
  node text not null,
  kind text not null check (kind in ('violated', 'unknown')),
  role text not null check (role in ('gate', 'notice')),
  severity text not null,
  state text not null check (state in ('open', 'held', 'resolved', 'closed', 'escalated')),
  occurrences integer not null,
  observation text not null check (json_valid(observation)),
  opened_at text not null,
  opened_ms real not null,
  last_ms real not null,
  settled_at text,
  settled_ms real,
  reason text
) strict;

create index tickets_by_lab on tickets (lab, state);

create table injections (
  id text primary key,
  lab text not null references labs (id),
  fault text not null,
  targets text not null check (json_valid(targets)),
  params text not null check (json_valid(params)),
  plan text not null check (json_valid(plan)),
  phase text not null check (phase in ('planned', 'injecting', 'active', 'reverting', 'reverted', 'void', 'failed')),
  confirmation text,
  created_at text not null,
  active_ms real,
  ended_ms real,
  reason text
) strict;

create index injections_by_lab on injections (lab);

-- Evidence beside the log.

create table samples (
  lab text not null references labs (id),
  operation text not null,
  second integer not null,
  scheduled integer not null,
  sent integer not null,
  ok integer not null,
  failed integer not null,
  lag_ms real not null,
  histogram blob not null,
  primary key (lab, operation, second)
) strict, without rowid;

create table ledger (
  lab text not null references labs (id),
  key text not null,
  value text not null,
  acked_ms real not null,
  primary key (lab, key)
) strict, without rowid;

create table snapshots (
  lab text not null references labs (id),
  moment text not null,
  name text not null,
  content text not null check (json_valid(content)),
  at text not null,
  primary key (lab, moment, name)
) strict, without rowid;

create table host_load (
  lab text not null references labs (id),
  second integer not null,
  load1 real not null,
  free_bytes integer not null,
  lag_ms real not null,
  primary key (lab, second)
) strict, without rowid;

create table judgements (
  id integer primary key,
  trial text not null references trials (id),
  judge_version integer not null,
  facts text not null check (json_valid(facts)),
  verdict text not null,
  reasons text not null check (json_valid(reasons)),
  at text not null
) strict;

create index judgements_by_trial on judgements (trial, id);
