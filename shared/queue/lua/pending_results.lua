-- Sums the estimated result sizes of all waiting and running jobs.
-- KEYS: waiting jobs of all queues
-- ARGV: none
-- Returns: the bytes and the number of jobs.

local jobs = {}
for _, key in ipairs(KEYS) do
  for _, id in ipairs(redis.call('ZRANGE', key, 0, -1)) do table.insert(jobs, id) end
end
for _, worker in ipairs(redis.call('SMEMBERS', keys.owners)) do
  for _, id in ipairs(redis.call('SMEMBERS', keys.running .. worker)) do table.insert(jobs, id) end
end
local bytes = 0
for _, id in ipairs(jobs) do
  bytes = bytes + (redis.call('HGET', keys.job .. id, 'result_bytes') or 0)
end
return {bytes, #jobs}
