-- Takes jobs back from a worker. Must follow events, webhooks, completion and waiting.

-- False for a record that has expired, or whose job runs elsewhere by now.
local function runs_here(id, worker)
  local status, owner = unpack(redis.call('HMGET', keys.job .. id, 'status', 'worker'))
  return status == 'running' and owner == worker
end

-- Ends a job whose cancellation was requested, requeues any other; returns whether it waits again.
local function put_back(key, id, ttl)
  redis.call('HDEL', key, 'token', 'stage', 'step', 'total_steps')
  local priority, sequence = unpack(redis.call('HMGET', key, 'priority', 'sequence'))
  if redis.call('HEXISTS', key, 'cancel_requested') == 1 then
    end_job(key, id, 'cancelled', '', ttl)
  elseif priority and sequence then
    redis.call('HSET', key, 'status', 'queued')
    add_waiting(key, id)
    add_progress(id, 'queued')
    return true
  end
  return false
end
