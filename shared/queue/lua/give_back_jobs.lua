-- Requeues jobs that are recorded as a worker's although it is not working on them.
-- KEYS: running
-- ARGV: worker, record TTL, then the jobs to requeue
-- Returns: the requeued jobs.
-- needs: clock events webhooks load completion waiting requeue

local back = {}
for index = 3, #ARGV do
  local id = ARGV[index]
  if runs_here(id, ARGV[1]) and put_back(keys.job .. id, id, ARGV[2]) then table.insert(back, id) end
  redis.call('SREM', KEYS[1], id)
end
return back
