-- Adds an ended job with a webhook to its host's list.

-- Seconds since the epoch by Redis's clock, the only one that all machines share.
local function redis_time()
  local time = redis.call('TIME')
  return time[1] + time[2] / 1000000
end

-- key: the job's record; id: the job
local function enqueue_webhook(key, id)
  local host = redis.call('HGET', key, 'webhook')
  if host then
    redis.call('SADD', keys.webhook_hosts, host)
    redis.call('ZADD', keys.webhooks .. host, redis_time(), id)
  end
end
