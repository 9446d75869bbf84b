-- Gives a job a terminal status and updates everything that depends on it. Must follow events and webhooks.

local KEPT_FAILURES = 50

-- key: the job's record; id: the job; now: seconds since the epoch; error: JSON or ''; ttl: seconds
local function end_job(key, id, status, now, error, ttl)
  redis.call('HSET', key, 'status', status, 'finished_at', now, 'error', error)
  redis.call('EXPIRE', key, ttl)
  local client, deck = unpack(redis.call('HMGET', key, 'client', 'deck'))
  redis.call('EXPIRE', keys.jobs .. (client or ''), ttl)
  if deck then redis.call('EXPIRE', keys.deck .. deck, ttl) end
  redis.call('HINCRBY', keys.stats, status, 1)
  enqueue_webhook(key, id)
  local reason = error ~= '' and cjson.decode(error) or cjson.null
  local event = add_event(id, 'end', {status = status, error = reason})
  redis.call('HSET', key, 'end_event', event)
  if reason ~= cjson.null then
    local failure = {job_id = id, code = reason.code, detail = reason.detail, ended_at = tonumber(now)}
    redis.call('HINCRBY', keys.failure_codes, reason.code, 1)
    redis.call('LPUSH', keys.recent_failures, cjson.encode(failure))
    redis.call('LTRIM', keys.recent_failures, 0, KEPT_FAILURES - 1)
  end
end
