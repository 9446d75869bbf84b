-- Adds up what the results of all jobs that wait or run should take, by their records' estimates.
-- KEYS: waiting jobs of the two priorities
-- ARGV: none
-- Returns: bytes, and how many jobs.

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
