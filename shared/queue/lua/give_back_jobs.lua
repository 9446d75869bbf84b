-- Puts back jobs that are recorded as a worker's although it does not work on them.
-- KEYS: running
-- ARGV: worker, now, record TTL, then the jobs to give back
-- Returns: the jobs that wait again, as id and priority in turn.
-- needs: events webhooks completion requeue

local back = {}
for index = 4, #ARGV do
  local id = ARGV[index]
  if runs_here(id, ARGV[1]) then put_back(keys.job .. id, id, ARGV[2], ARGV[3], back) end
  redis.call('SREM', KEYS[1], id)
end
return back
