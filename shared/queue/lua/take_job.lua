-- Gives a worker the lease on a waiting job. Safe to repeat with the same token.
-- KEYS: job; running; beat
-- ARGV: id, worker, token
-- Returns: 1, or 0 if there is nothing to do.
-- needs: clock events load waiting

if redis.call('HGET', KEYS[1], 'token') == ARGV[3] then return 1 end
if redis.call('HGET', KEYS[1], 'status') ~= 'queued' then
  -- An earlier version may have ended it without removing it from its queue.
  for _, names in pairs(queues) do
    for _, queue in ipairs(names) do redis.call('ZREM', keys.waiting .. queue, ARGV[1]) end
  end
  return 0
end
remove_waiting(KEYS[1], ARGV[1])
redis.call('HSET', KEYS[1], 'status', 'running', 'worker', ARGV[2], 'token', ARGV[3], 'started_at', redis_time(),
  'stage', 'starting')
redis.call('HINCRBY', KEYS[1], 'attempts', 1)
redis.call('SADD', KEYS[2], ARGV[1])
redis.call('SADD', keys.owners, ARGV[2])
redis.call('INCR', KEYS[3])
add_progress(ARGV[1], 'running', 'starting')
return 1
