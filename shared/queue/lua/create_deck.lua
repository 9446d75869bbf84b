-- Records a deck with all its jobs, unless its Idempotency-Key was used before, the bulk queue lacks room for all, or its
-- client has cancelled too many jobs.
-- KEYS: deck; idempotency key, if there is one
-- ARGV: id, fingerprint, limit, record TTL, client, limit of cancelled jobs, now,
--       JSON of the jobs as [id, fields and values in turn], then the deck's fields and values in turn
-- Returns: 'created', 'existing' or 'conflict' and the deck's id, 'full' and '', or 'cancelled' and seconds to wait.
-- needs: waiting load job_creation

local first = find_first(KEYS[2], keys.deck, ARGV[2])
if first then return first end
local jobs = cjson.decode(ARGV[8])
if count_waiting('bulk') + #jobs > tonumber(ARGV[3]) then return {'full', ''} end
local wait_s = wait_for_cancelled(ARGV[5], ARGV[6], ARGV[7])
if wait_s then return {'cancelled', wait_s} end
redis.call('HSET', KEYS[1], 'fingerprint', ARGV[2], 'client', ARGV[5], 'left', #jobs, unpack(ARGV, 9))
add_to_list(keys.decks .. ARGV[5], keys.deck, ARGV[1], redis.call('INCR', keys.sequence))
for _, job in ipairs(jobs) do create_job(job[1], ARGV[5], job[2]) end
remember(KEYS[2], ARGV[1], KEYS[1], ARGV[4])
return {'created', ARGV[1]}
