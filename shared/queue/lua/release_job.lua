-- Requeues a job at its old position, or ends it if its cancellation was requested.
-- KEYS: job; running
-- ARGV: id, token, crashes to add to its count, record TTL
-- Returns: 1, or 0 if the lease is lost.
-- needs: clock full events webhooks load completion waiting requeue

if redis.call('HGET', KEYS[1], 'token') ~= ARGV[2] then return 0 end
pass_when_full(KEYS[1])
redis.call('HINCRBY', KEYS[1], 'deaths', ARGV[3])
put_back(KEYS[1], ARGV[1], ARGV[4])
redis.call('SREM', KEYS[2], ARGV[1])
return 1
