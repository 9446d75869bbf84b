-- Records a job as queued, unless its Idempotency-Key was used before, there is no room, or its client has cancelled too
-- many jobs.
-- KEYS: idempotency key, if there is one
-- ARGV: id, fingerprint, limit, client, whether there are others (1 or 0), limit of cancelled jobs, priority, then the record's
--       fields and values in turn
-- Returns: 'created', 'existing' or 'conflict' and the job's id, 'full' and '', 'share' and the client's waiting jobs and
--          the free places, or 'cancelled' and seconds to wait.
-- needs: clock load waiting job_creation

local first = find_first(KEYS[1], keys.job, ARGV[2])
if first then return first end
local refusal = refuse(ARGV[4], ARGV[5], ARGV[7], 1, ARGV[3], ARGV[6])
if refusal then return refusal end
create_job(ARGV[1], ARGV[4], {unpack(ARGV, 8)})
remember(KEYS[1], ARGV[1], keys.job .. ARGV[1])
return {'created', ARGV[1]}
