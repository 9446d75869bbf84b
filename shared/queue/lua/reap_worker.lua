-- Requeues the jobs of a worker whose counter has stalled, and charges them with the crash. If some of them were
-- charged before, only those are charged again. A job that is charged too often fails.
-- KEYS: beat; running
-- ARGV: worker, last seen beat, maximum crashes, the error of an abandoned job, record TTL
-- Returns: the requeued jobs; none if the counter has moved.
-- needs: clock full events webhooks load completion waiting requeue

if (redis.call('GET', KEYS[1]) or '') ~= ARGV[2] then return {} end
pass_when_full(KEYS[2])
local jobs = {}
local has_quarantined = false
for _, id in ipairs(redis.call('SMEMBERS', KEYS[2])) do
  if runs_here(id, ARGV[1]) then
    table.insert(jobs, id)
    if tonumber(redis.call('HGET', keys.job .. id, 'deaths') or 0) > 0 then has_quarantined = true end
  end
end
local back = {}
for _, id in ipairs(jobs) do
  local key = keys.job .. id
  local crashes = tonumber(redis.call('HGET', key, 'deaths') or 0)
  if crashes > 0 or not has_quarantined then crashes = redis.call('HINCRBY', key, 'deaths', 1) end
  if crashes >= tonumber(ARGV[3]) and redis.call('HEXISTS', key, 'cancel_requested') == 0 then
    redis.call('HDEL', key, 'token', 'stage', 'step', 'total_steps')
    end_job(key, id, 'failed', ARGV[4], ARGV[5])
  elseif put_back(key, id, ARGV[5]) then
    table.insert(back, id)
  end
end
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('SREM', keys.owners, ARGV[1])
return back
