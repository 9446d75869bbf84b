-- Requeues a job at its old position.
-- KEYS: job; running
-- ARGV: id, token, crashes to add to its count
-- Returns: 1, or 0 if the lease is lost.
-- needs: events waiting

if redis.call('HGET', KEYS[1], 'token') ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], 'status', 'queued')
redis.call('HDEL', KEYS[1], 'token', 'stage', 'step', 'total_steps')
redis.call('HINCRBY', KEYS[1], 'deaths', ARGV[3])
redis.call('ZADD', waiting_with(KEYS[1]), redis.call('HGET', KEYS[1], 'sequence'), ARGV[1])
redis.call('SREM', KEYS[2], ARGV[1])
add_progress(ARGV[1], 'queued')
return 1
