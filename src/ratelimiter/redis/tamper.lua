-- Whoever watches the server sees the names of these operations.

-- Keys whose counters say that they are in use.
function store.in_use(most)
  local found = {}
  for _, key in ipairs(redis.call('ZRANGE', 'keys', 0, most - 1)) do
    if used(key) > 0 then found[#found + 1] = key end
  end
  return found
end

-- What the key's counter says once `by` is added to it.
function store.adjust(key, by)
  return adjust(key, by)
end
