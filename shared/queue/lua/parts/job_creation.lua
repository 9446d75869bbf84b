-- Makes the record of a job, alone or with a deck.

-- The caller's list forgets up to two jobs whose records have expired for each new one.
local function list_job(client, id, sequence)
  local key = keys.jobs .. client
  for _, old in ipairs(redis.call('ZRANGE', key, 0, 1)) do
    if redis.call('EXISTS', keys.job .. old) == 0 then redis.call('ZREM', key, old) end
  end
  redis.call('ZADD', key, sequence, id)
  redis.call('PERSIST', key)
end

-- fields: the record's fields and values in turn, of which client and priority are two
local function create_job(id, client, priority, fields)
  local sequence = redis.call('INCR', keys.sequence)
  redis.call('HSET', keys.job .. id, 'sequence', sequence, unpack(fields))
  redis.call('ZADD', keys.waiting .. priority, sequence, id)
  list_job(client, id, sequence)
end
