-- Measures what the waiting and running jobs take up.
-- KEYS: none
-- ARGV: a client
-- Returns: the number of jobs, the estimated bytes of their results, and the same of the client alone.
-- needs: load

count_load()
local client = ':' .. ARGV[1]
local found = redis.call('HMGET', keys.load, 'jobs', 'bytes', 'jobs' .. client, 'bytes' .. client)
for index = 1, 4 do found[index] = tonumber(found[index] or 0) end
return found
