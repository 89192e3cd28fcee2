-- What nodes ask for; `LimitStore` says what each operation means.

-- Makes an empty database a store, with limits given as PREFIX MAX WINDOW_MS in turn.
function store.create(...)
  local limits = { ... }
  if redis.call('DBSIZE') ~= 0 then return 0 end
  redis.call('HSET', 'store', 'program', 'ratelimiter')
  for n = 1, #limits, 3 do store.set_limit(limits[n], limits[n + 1], limits[n + 2], #limits) end
  return 1
end

-- Writes something, which a server that is read-only, out of memory or out of disk refuses.
function store.probe()
  return redis.call('HSET', 'store', 'probed_at_ms', now_ms)
end

-- Takes `cost` units of the key's window if it has room for all of them. `id` tells this check's units from others'.
function store.check(key, cost, id)
  local until_ms = redis.call('ZSCORE', 'blocks', key)
  if until_ms and tonumber(until_ms) > now_ms then
    return { 'blocked', redis.call('HGET', 'reasons', key) or '' }
  end
  local log = 'log:' .. key
  local prefix, max, window_ms = limit_of(key)
  drop_expired(key, window_ms)
  local room = max - redis.call('ZCARD', log)
  -- How long until the nth oldest unit leaves the window; a whole window when there are not that many.
  local function leaves_in(n)
    local unit = redis.call('ZRANGE', log, n, n, 'WITHSCORES')
    return unit[2] and tonumber(unit[2]) + window_ms - now_ms or window_ms
  end
  cost = tonumber(cost)
  if cost > room then
    return { 'limited', prefix, max, window_ms, math.max(0, room), leaves_in(0), leaves_in(cost - room - 1) }
  end
  for unit = 1, cost do redis.call('ZADD', log, now_ms, id .. ':' .. unit) end
  adjust(key, cost)
  return { 'allowed', prefix, max, window_ms, room - cost, leaves_in(0) }
end

-- Forgets the key. The number of units that were in its log.
function store.reset(key)
  local units = redis.call('ZCARD', 'log:' .. key)
  redis.call('DEL', 'log:' .. key)
  redis.call('HDEL', 'counters', key)
  redis.call('ZREM', 'keys', key)
  return units
end

function store.counter(key)
  return { key, used(key), limit_of(key) }
end

-- As `counter` for each of the next keys with the prefix. `from` is as ZRANGEBYLEX takes it.
function store.counters(prefix, from, size)
  -- No text in UTF-8 has this byte, so it lies behind every key with the prefix.
  local to = prefix == '' and '+' or '(' .. prefix .. '\255'
  local found = redis.call('ZRANGEBYLEX', 'keys', from, to, 'LIMIT', 0, size)
  for n, key in ipairs(found) do found[n] = store.counter(key) end
  return found
end

-- Prefix and "MAX WINDOW_MS" of each, in turn.
function store.limits()
  return redis.call('HGETALL', 'limits')
end

-- 0 when there are `most` others already.
function store.set_limit(prefix, max, window_ms, most)
  local others = redis.call('HLEN', 'limits') - redis.call('HEXISTS', 'limits', prefix)
  if others >= tonumber(most) then return 0 end
  redis.call('HSET', 'limits', prefix, max .. ' ' .. window_ms)
  return 1
end

function store.remove_limit(prefix)
  return redis.call('HDEL', 'limits', prefix)
end

-- { key, end in ms, reason } of each block in force, those that end first in front.
function store.blocks(most)
  local ends = redis.call('ZRANGEBYSCORE', 'blocks', '(' .. now_ms, '+inf', 'WITHSCORES', 'LIMIT', 0, most)
  local found = {}
  for n = 1, #ends, 2 do
    found[#found + 1] = { ends[n], tonumber(ends[n + 1]), redis.call('HGET', 'reasons', ends[n]) or '' }
  end
  return found
end

-- When the block ends.
function store.block(key, duration_ms, reason)
  local until_ms = now_ms + tonumber(duration_ms)
  redis.call('ZADD', 'blocks', until_ms, key)
  redis.call('HSET', 'reasons', key, reason)
  return until_ms
end

function store.unblock(key)
  redis.call('HDEL', 'reasons', key)
  return redis.call('ZREM', 'blocks', key)
end

function store.heartbeat(name, entry)
  return redis.call('HSET', 'nodes', name, now_ms .. ' ' .. entry)
end

function store.leave(name, entry)
  local seen = redis.call('HGET', 'nodes', name)
  if not seen or string.match(seen, '^%d+ (.*)$') ~= entry then return 0 end
  return redis.call('HSET', 'nodes', name, '0 ' .. entry)
end

-- The time, and then name and entry of each node in turn.
function store.nodes()
  local found = redis.call('HGETALL', 'nodes')
  table.insert(found, 1, now_ms)
  return found
end

-- Drops what has expired of the next keys. The last of them, or nothing at the end.
function store.prune(after, size)
  for _, key in ipairs(redis.call('ZRANGEBYSCORE', 'blocks', '-inf', now_ms)) do store.unblock(key) end
  local keys, last = page(after, size)
  for _, key in ipairs(keys) do
    local _, _, window_ms = limit_of(key)
    drop_expired(key, window_ms)
    if used(key) == 0 and redis.call('EXISTS', 'log:' .. key) == 0 then store.reset(key) end
  end
  return last
end
