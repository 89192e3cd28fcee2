-- Ends each script: does the operation that was asked for, in a database that is a store or is about to become one.
local function is_ours()
  return redis.call('TYPE', 'store').ok == 'hash' and redis.call('HGET', 'store', 'program') == 'ratelimiter'
end

local operation = store[ARGV[1]]
if not operation then return redis.error_reply('UNKNOWN there is no operation ' .. ARGV[1]) end
if not is_ours() and (ARGV[1] ~= 'create' or redis.call('DBSIZE') ~= 0) then
  return redis.error_reply('FOREIGN it is not a rate limiter\'s store')
end
return operation(unpack(ARGV, 2))
