-- Records a running job's progress.
-- KEYS: job
-- ARGV: id, token, stage, step, total steps
-- Returns: -1 if the lease is lost; otherwise 1 if cancellation was requested, 0 if not.
-- needs: events

if redis.call('HGET', KEYS[1], 'token') ~= ARGV[2] then return -1 end
local stage, step = unpack(redis.call('HMGET', KEYS[1], 'stage', 'step'))
if stage ~= ARGV[3] or step ~= ARGV[4] then
  redis.call('HSET', KEYS[1], 'stage', ARGV[3], 'step', ARGV[4], 'total_steps', ARGV[5])
  add_progress(ARGV[1], 'running', ARGV[3], ARGV[4], ARGV[5])
end
return redis.call('HEXISTS', KEYS[1], 'cancel_requested')
