-- Records a deck with all its jobs, unless its Idempotency-Key was used before, there is no room for all, or its client has
-- cancelled too many jobs.
-- KEYS: deck; idempotency key, if there is one
-- ARGV: id, fingerprint, limit, client, whether there are others (1 or 0), limit of cancelled jobs, JSON of the jobs as [id,
--       fields and values in turn], then the deck's fields and values in turn
-- Returns: 'created', 'existing' or 'conflict' and the deck's id, 'full' and '', 'share' and the client's waiting jobs and
--          the free places, or 'cancelled' and seconds to wait.
-- needs: clock load waiting job_creation

local first = find_first(KEYS[2], keys.deck, ARGV[2])
if first then return first end
local jobs = cjson.decode(ARGV[7])
local refusal = refuse(ARGV[4], ARGV[5], 'bulk', #jobs, ARGV[3], ARGV[6])
if refusal then return refusal end
redis.call('HSET', KEYS[1], 'fingerprint', ARGV[2], 'client', ARGV[4], 'left', #jobs, 'created_at', redis_time(),
  unpack(ARGV, 8))
add_to_list(keys.decks .. ARGV[4], keys.deck, ARGV[1], redis.call('INCR', keys.sequence))
for _, job in ipairs(jobs) do create_job(job[1], ARGV[4], job[2]) end
remember(KEYS[2], ARGV[1], KEYS[1])
return {'created', ARGV[1]}
