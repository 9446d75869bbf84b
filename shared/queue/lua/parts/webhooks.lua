-- Adds an ended job with a webhook to its host's list.

-- key: the job's record; id: the job; now: seconds since the epoch
local function enqueue_webhook(key, id, now)
  local host = redis.call('HGET', key, 'webhook')
  if host then
    redis.call('SADD', keys.webhook_hosts, host)
    redis.call('ZADD', keys.webhooks .. host, now, id)
  end
end
