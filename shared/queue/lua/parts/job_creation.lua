-- Creates the record of a job, alone or as part of a deck.

-- For each new job, drops up to two jobs with expired records from the caller's list.
local function list_job(client, id, sequence)
  local key = keys.jobs .. client
  for _, old in ipairs(redis.call('ZRANGE', key, 0, 1)) do
    if redis.call('EXISTS', keys.job .. old) == 0 then redis.call('ZREM', key, old) end
  end
  redis.call('ZADD', key, sequence, id)
  redis.call('PERSIST', key)
end

-- fields: the record's fields and values in turn, including client and priority
local function create_job(id, client, priority, fields)
  local sequence = redis.call('INCR', keys.sequence)
  redis.call('HSET', keys.job .. id, 'sequence', sequence, unpack(fields))
  redis.call('ZADD', keys.waiting .. priority, sequence, id)
  list_job(client, id, sequence)
end
