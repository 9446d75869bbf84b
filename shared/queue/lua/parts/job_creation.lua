-- Creates the record of a job, alone or as part of a deck. Must follow clock, load and waiting.

-- Returns whether an Idempotency-Key (nil: none) was used for the same or for another request, and its job or deck; nil if
-- it was not used. record: the prefix of the records' keys.
local function find_first(idempotency, record, fingerprint)
  local first = idempotency and redis.call('GET', idempotency)
  local kept = first and redis.call('HGET', record .. first, 'fingerprint')
  return kept and {kept == fingerprint and 'existing' or 'conflict', first} or nil
end

-- Lets an Idempotency-Key (nil: none) lead to a job or deck, whose record is at `key`, for as long as that is kept.
local function remember(idempotency, id, key)
  if not idempotency then return end
  redis.call('SET', idempotency, id)
  redis.call('HSET', key, 'idempotency', idempotency)
end

-- Returns the seconds until a client that has cancelled too many jobs may send one; nil if it may now. Writes nothing,
-- because a full Redis refuses a script at its first write, if that needs memory.
local function wait_for_cancelled(client, limit)
  local now = redis_time()
  local list, later = keys.cancelled .. client, '(' .. now
  if redis.call('ZCOUNT', list, later, '+inf') < tonumber(limit) then return nil end
  local oldest = redis.call('ZRANGEBYSCORE', list, later, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
  return tostring(math.ceil(oldest[2] - now))
end

-- Returns why a client may not have so many more waiting jobs of a priority; nil if it may. It may take no more places than
-- then remain for others (see shared/queue/admission.py), if there are any; a client without a name is alone.
local function refuse(client, has_others, priority, count, limit, cancelled_limit)
  local free = limit - count_waiting(priority)
  if count > free then return {'full', ''} end
  local wait_s = wait_for_cancelled(client, cancelled_limit)
  if wait_s then return {'cancelled', wait_s} end
  if client == '' or has_others == '0' then return nil end
  count_load()
  local own = tonumber(redis.call('HGET', keys.load, priority .. ':' .. client) or 0)
  if own + count > free then return {'share', own .. ' ' .. free} end
  return nil
end

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

-- fields: the record's fields and values in turn, including its client, priority and queue
local function create_job(id, client, fields)
  local sequence = redis.call('INCR', keys.sequence)
  redis.call('HSET', keys.job .. id, 'sequence', sequence, 'created_at', redis_time(), unpack(fields))
  add_waiting(keys.job .. id, id)
  add_load(client, redis.call('HGET', keys.job .. id, 'result_bytes'))
  add_to_list(keys.jobs .. client, keys.job, id, sequence)
end
