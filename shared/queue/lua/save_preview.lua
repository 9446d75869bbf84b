-- Stores a running job's preview; does nothing once the lease is lost or the job has ended.
-- KEYS: preview; job
-- ARGV: id, JPEG in hexadecimal, TTL, step, token, variation
-- Returns: nothing.
-- needs: events

if redis.call('HGET', KEYS[2], 'token') ~= ARGV[5] then return end
if redis.call('HGET', KEYS[2], 'status') ~= 'running' then return end
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
add_event(ARGV[1], 'preview', {step = tonumber(ARGV[4]), variation = tonumber(ARGV[6])})
