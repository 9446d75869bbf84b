-- Schedules another attempt at a webhook, unless it was settled meanwhile.
-- KEYS: the list
-- ARGV: job, after how many seconds
-- Returns: nothing.
-- needs: clock

if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return end
redis.call('ZADD', KEYS[1], redis_time() + ARGV[2], ARGV[1])
redis.call('HINCRBY', keys.webhook_failures, ARGV[1], 1)
