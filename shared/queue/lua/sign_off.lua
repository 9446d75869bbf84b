-- Deregisters a worker that holds no jobs.
-- KEYS: beat; running
-- ARGV: worker
-- Returns: 1, or 0 if it holds jobs.

if redis.call('SCARD', KEYS[2]) > 0 then return 0 end
redis.call('DEL', KEYS[1])
redis.call('SREM', keys.owners, ARGV[1])
return 1
