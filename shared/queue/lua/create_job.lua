-- Records a job as queued, unless its Idempotency-Key was used before, the queue is full, or its client has cancelled too
-- many jobs.
-- KEYS: idempotency key, if there is one
-- ARGV: id, fingerprint, limit, record TTL, client, limit of cancelled jobs, now, priority,
--       then the record's fields and values in turn
-- Returns: 'created', 'existing' or 'conflict' and the job's id, 'full' and '', or 'cancelled' and seconds to wait.
-- needs: waiting load job_creation

local first = find_first(KEYS[1], keys.job, ARGV[2])
if first then return first end
if count_waiting(ARGV[8]) >= tonumber(ARGV[3]) then return {'full', ''} end
local wait_s = wait_for_cancelled(ARGV[5], ARGV[6], ARGV[7])
if wait_s then return {'cancelled', wait_s} end
create_job(ARGV[1], ARGV[5], {unpack(ARGV, 9)})
remember(KEYS[1], ARGV[1], keys.job .. ARGV[1], ARGV[4])
return {'created', ARGV[1]}
