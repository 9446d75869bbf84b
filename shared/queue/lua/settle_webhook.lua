-- Removes a webhook, and its list once that is empty.
-- KEYS: the list
-- ARGV: the list's name, job
-- Returns: nothing.

redis.call('ZREM', KEYS[1], ARGV[2])
redis.call('HDEL', keys.webhook_failures, ARGV[2])
if redis.call('EXISTS', KEYS[1]) == 0 then redis.call('SREM', keys.webhook_lists, ARGV[1]) end
