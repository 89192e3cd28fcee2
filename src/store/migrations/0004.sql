-- When a fault ends by itself, who is at work on it, and when it was gone and its lab well again.

-- Null: it stays for as long as its lab.
alter table injections add column expires_at text;
-- The process that injects or reverts it at this moment, by boot, pid and start. One that is dead has left it half-way.
alter table injections add column worker text check (worker is null or json_valid(worker));
-- Seen gone. Null for one that went with its node.
alter table injections add column reverted_at text;
-- The first moment after its end at which every gate held. Null: nobody looked, or it did not come.
alter table injections add column recovered_at text;

-- Whether a restart of its node takes the fault of a trial away.
alter table trials add column on_restart text not null default 'reapply' check (on_restart in ('reapply', 'void'));
