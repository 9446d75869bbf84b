-- Measures what the waiting and running jobs take up.
-- KEYS: none
-- ARGV: a client; a priority
-- Returns: the number of jobs, the estimated bytes of their results, the same of the client alone, its jobs of the
--          priority, and how many jobs of the priority wait.
-- needs: waiting load

count_load()
local client = ':' .. ARGV[1]
local found = redis.call('HMGET', keys.load, 'jobs', 'bytes', 'jobs' .. client, 'bytes' .. client, ARGV[2] .. client)
for index = 1, 5 do found[index] = tonumber(found[index] or 0) end
table.insert(found, count_waiting(ARGV[2]))
return found
