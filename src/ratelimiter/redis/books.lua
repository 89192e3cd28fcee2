-- What an administrator asks for; `Books` says what each operation means.

-- What the log holds of the next keys: the last key or nothing at the end, and then key and number of units in turn.
function store.count_log(after, size)
  local keys, last = page(after, size)
  local found = { last }
  for _, key in ipairs(keys) do
    found[#found + 1] = key
    found[#found + 1] = redis.call('ZCARD', 'log:' .. key)
  end
  return found
end

-- Sets the counters of the next keys to what the log holds: the last key or nothing at the end, and how many were wrong.
function store.recount(after, size)
  local keys, last = page(after, size)
  local wrong = 0
  for _, key in ipairs(keys) do
    local units = redis.call('ZCARD', 'log:' .. key)
    if used(key) ~= units then
      redis.call('HSET', 'counters', key, units)
      wrong = wrong + 1
    end
  end
  return { last, wrong }
end
