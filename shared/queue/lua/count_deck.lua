-- Counts a deck's words by the status of their jobs. A job whose record has expired counts as failed.
-- KEYS: deck
-- ARGV: none
-- Returns: the deck's name, when it was created, and statuses and counts in turn; nil if there is no such deck.

local name, created_at, entries = unpack(redis.call('HMGET', KEYS[1], 'name', 'created_at', 'entries'))
if not entries then return nil end
local counts = {queued = 0, running = 0, succeeded = 0, failed = 0, cancelled = 0, refused = 0}
for _, entry in ipairs(cjson.decode(entries)) do
  local has_job = entry.job_id ~= cjson.null
  local status = has_job and (redis.call('HGET', keys.job .. entry.job_id, 'status') or 'failed') or 'refused'
  counts[status] = (counts[status] or 0) + 1
end
local answer = {name, created_at}
for status, count in pairs(counts) do
  table.insert(answer, status)
  table.insert(answer, tostring(count))
end
return answer
