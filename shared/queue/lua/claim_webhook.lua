-- Claims the oldest due webhook of a host.
-- KEYS: the host's list
-- ARGV: now, end of the claim
-- Returns: the job and its failed deliveries so far; nil if none is due.

local id = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, 1)[1]
if not id then return nil end
redis.call('ZADD', KEYS[1], 'XX', ARGV[2], id)
return {id, redis.call('HGET', keys.webhook_failures, id) or '0'}
