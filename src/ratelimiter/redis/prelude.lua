-- Begins each script of a store at a Redis server. A script runs as a whole or not at all, so each operation is atomic.
-- The keys of the database, which is the store's alone:
--   store      hash: what this database is
--   log:KEY    sorted set, the truth: a member for each unit that was allowed, by its time, until it leaves its window
--   counters   hash: what the API reports of each key. Adjusted by whatever adds or removes units; nothing recomputes it in
--              passing, so an error stays visible until somebody runs `recount`
--   keys       sorted set without scores: the keys that have a counter, in their order
--   limits     hash: prefix -> "MAX WINDOW_MS"
--   blocks     sorted set: blocked keys by the time at which the block ends; `reasons` is a hash beside it
--   nodes      hash: name -> "HEARTBEAT_MS PID STARTED_AT_MS URL"; a heartbeat of 0 is a goodbye

-- What may be asked for, by name.
local store = {}

-- The server's time, so that the log is in order whichever node writes.
local now = redis.call('TIME')
local now_ms = now[1] * 1000 + math.floor(now[2] / 1000)

local limits

-- The limit with the longest prefix of the key: its prefix, max and window.
local function limit_of(key)
  limits = limits or redis.call('HGETALL', 'limits')
  local longest, chosen
  for n = 1, #limits, 2 do
    local prefix = limits[n]
    if string.sub(key, 1, #prefix) == prefix and (not longest or #prefix > #longest) then
      longest, chosen = prefix, limits[n + 1]
    end
  end
  if not longest then
    error({ err = 'NOLIMIT the store has lost its default limit, and no other applies to "' .. key .. '"' })
  end
  local max, window_ms = string.match(chosen, '^(%d+) (%d+)$')
  return longest, tonumber(max), tonumber(window_ms)
end

local function used(key)
  return tonumber(redis.call('HGET', 'counters', key) or 0)
end

local function adjust(key, by)
  redis.call('ZADD', 'keys', 0, key)
  return redis.call('HINCRBY', 'counters', key, by)
end

local function drop_expired(key, window_ms)
  local dropped = redis.call('ZREMRANGEBYSCORE', 'log:' .. key, '-inf', now_ms - window_ms)
  if dropped > 0 then adjust(key, -dropped) end
end

-- The keys behind `after`, and the last of them where more may follow.
local function page(after, size)
  local keys = redis.call('ZRANGEBYLEX', 'keys', '(' .. after, '+', 'LIMIT', 0, size)
  return keys, #keys == tonumber(size) and keys[#keys] or false
end
