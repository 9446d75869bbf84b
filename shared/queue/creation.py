"""How a job's record is made, alone or with a deck: part of every script that makes jobs."""

from shared.keys import PREFIX

SEQUENCE = PREFIX + "sequence"

# `id` is the job, `fields` its record's fields and values in turn, `client` and `priority` two of them.
# The caller's list (`shared.queue.job_index`) forgets up to two jobs whose records have expired for each new one.
CREATE_JOB = f"""
local function list_job(client, id, sequence)
  local key = '{PREFIX}jobs:' .. client
  for _, old in ipairs(redis.call('ZRANGE', key, 0, 1)) do
    if redis.call('EXISTS', '{PREFIX}job:' .. old) == 0 then redis.call('ZREM', key, old) end
  end
  redis.call('ZADD', key, sequence, id)
  redis.call('PERSIST', key)
end
local function create_job(id, client, priority, fields)
  local sequence = redis.call('INCR', '{SEQUENCE}')
  redis.call('HSET', '{PREFIX}job:' .. id, 'sequence', sequence, unpack(fields))
  redis.call('ZADD', '{PREFIX}waiting:' .. priority, sequence, id)
  list_job(client, id, sequence)
end
"""
