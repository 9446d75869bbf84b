-- Creates the record of a job, alone or as part of a deck.

-- The newest records that a caller's list holds. Older ones can still be read by their ids.
local LISTED = 100000

-- list: the caller's list; record: the prefix of its records' keys. For each new record, drops up to two expired ones.
local function add_to_list(list, record, id, sequence)
  for _, old in ipairs(redis.call('ZRANGE', list, 0, 1)) do
    if redis.call('EXISTS', record .. old) == 0 then redis.call('ZREM', list, old) end
  end
  redis.call('ZADD', list, sequence, id)
  redis.call('ZREMRANGEBYRANK', list, 0, -LISTED - 1)
  redis.call('PERSIST', list)
end

-- fields: the record's fields and values in turn, including client and priority
local function create_job(id, client, priority, fields)
  local sequence = redis.call('INCR', keys.sequence)
  redis.call('HSET', keys.job .. id, 'sequence', sequence, unpack(fields))
  redis.call('ZADD', keys.waiting .. priority, sequence, id)
  add_to_list(keys.jobs .. client, keys.job, id, sequence)
end
