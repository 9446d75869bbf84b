-- Ends a waiting job as cancelled, records the request on a running one, and ignores one that has ended.
-- KEYS: job
-- ARGV: id, record TTL
-- Returns: the job's previous status; nil without a record.
-- needs: clock full events webhooks load completion waiting

local status = redis.call('HGET', KEYS[1], 'status')
pass_when_full(KEYS[1])
if status == 'running' then
  redis.call('HSET', KEYS[1], 'cancel_requested', 1)
elseif status == 'queued' then
  remove_waiting(KEYS[1], ARGV[1])
  end_job(KEYS[1], ARGV[1], 'cancelled', '', ARGV[2])
end
return status
