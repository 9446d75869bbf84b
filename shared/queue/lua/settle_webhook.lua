-- Removes a webhook, and its host once the host has no more webhooks.
-- KEYS: the host's list
-- ARGV: host, job
-- Returns: nothing.

redis.call('ZREM', KEYS[1], ARGV[2])
redis.call('HDEL', keys.webhook_failures, ARGV[2])
if redis.call('EXISTS', KEYS[1]) == 0 then redis.call('SREM', keys.webhook_hosts, ARGV[1]) end
