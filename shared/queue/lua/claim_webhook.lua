-- Claims the oldest due webhook of a list.
-- KEYS: the list
-- ARGV: how long the claim lasts, in seconds
-- Returns: the job and its failed deliveries so far; nil if none is due.
-- needs: clock

local now = redis_time()
local id = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, 1)[1]
if not id then return nil end
redis.call('ZADD', KEYS[1], 'XX', now + ARGV[1], id)
return {id, redis.call('HGET', keys.webhook_failures, id) or '0'}
