-- Stores a result within the budget. DEL runs before any command that needs memory. Redis checks its memory limit only
-- at a script's first write, so a full Redis can still store a finished result in the memory freed by evicted results.

local KEY_BYTES = 256 -- Redis's overhead for each value

local function drop_result(id)
  local kept = redis.call('HGET', keys.result_sizes, id)
  redis.call('DEL', keys.document .. id)
  if kept then
    local size, count, token = string.match(kept, '^(%d+) (%d+) (.*)$')
    for number = 0, count - 1 do redis.call('DEL', keys.picture .. id .. ':' .. token .. ':' .. number) end
    redis.call('HDEL', keys.result_sizes, id)
    redis.call('DECRBY', keys.result_bytes, size)
  end
  redis.call('ZREM', keys.results, id)
end

-- key: the document's key, as Celery names it; now, ttl: seconds; budget: bytes, 0: unlimited; pictures: PNGs
local function keep_result(key, id, token, now, ttl, budget, document, pictures)
  drop_result(id)
  for _, old in ipairs(redis.call('ZRANGEBYSCORE', keys.results, '-inf', now - ttl)) do drop_result(old) end
  local size = #document + KEY_BYTES
  for _, png in ipairs(pictures) do size = size + #png + KEY_BYTES end
  while budget > 0 and tonumber(redis.call('GET', keys.result_bytes) or 0) + size > budget do
    local oldest = redis.call('ZRANGE', keys.results, 0, 0)[1]
    if not oldest then break end
    drop_result(oldest)
    redis.call('INCR', keys.results_evicted)
  end
  redis.call('SET', key, document, 'EX', ttl)
  for index, png in ipairs(pictures) do
    redis.call('SET', keys.picture .. id .. ':' .. token .. ':' .. index - 1, png, 'EX', ttl)
  end
  redis.call('HSET', keys.result_sizes, id, size .. ' ' .. #pictures .. ' ' .. token)
  redis.call('ZADD', keys.results, now, id)
  redis.call('INCRBY', keys.result_bytes, size)
end
