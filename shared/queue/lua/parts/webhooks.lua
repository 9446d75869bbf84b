-- Adds an ended job or deck with a webhook to the list of its host and client. Must follow clock.

-- key: the record of the job or deck; id: the job, or `deck:` and the deck
local function enqueue_webhook(key, id)
  local list = redis.call('HGET', key, 'webhook')
  if list then
    redis.call('SADD', keys.webhook_lists, list)
    redis.call('ZADD', keys.webhooks .. list, redis_time(), id)
  end
end
