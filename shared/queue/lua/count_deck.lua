-- Counts a deck's words by the status of their jobs. A job whose record has expired counts as failed.
-- KEYS: deck
-- ARGV: none
-- Returns: the deck's name, when it was created, and statuses and counts in turn; nil if there is no such deck.

local name, created_at, jobs = unpack(redis.call('HMGET', KEYS[1], 'name', 'created_at', 'jobs'))
if not jobs then return nil end
local counts = {queued = 0, running = 0, succeeded = 0, failed = 0, cancelled = 0, refused = 0}
for id in string.gmatch(jobs, '%S+') do
  local status = id == '-' and 'refused' or redis.call('HGET', keys.job .. id, 'status') or 'failed'
  counts[status] = (counts[status] or 0) + 1
end
local answer = {name, created_at}
for status, count in pairs(counts) do
  table.insert(answer, status)
  table.insert(answer, tostring(count))
end
return answer
