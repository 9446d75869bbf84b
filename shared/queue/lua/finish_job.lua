-- Ends a job and stores its result atomically. Safe to repeat with the same token.
-- KEYS: job; running; the result's document, if it has one
-- ARGV: id, token, status, now, error, record TTL, generation ms, document, result TTL, budget, pictures …
-- Returns: 1, or 0 if the lease is lost.
-- needs: full events webhooks load completion results

local REMEMBERED = 50 -- latest ends, from which the rate is measured

if redis.call('HGET', KEYS[1], 'ended_by') == ARGV[2] then return 1 end
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[2] then return 0 end
pass_when_full(KEYS[1])
if KEYS[3] then
  local pictures = {unpack(ARGV, 11)}
  keep_result(KEYS[3], ARGV[1], ARGV[2], redis_time(), ARGV[9], tonumber(ARGV[10]), ARGV[8], pictures)
end
end_job(KEYS[1], ARGV[1], ARGV[3], ARGV[4], ARGV[5], ARGV[6])
redis.call('HSET', KEYS[1], 'ended_by', ARGV[2])
redis.call('HDEL', KEYS[1], 'token')
redis.call('SREM', KEYS[2], ARGV[1])
local gap = ARGV[4] - redis.call('HGET', KEYS[1], 'started_at')
local last = redis.call('LINDEX', keys.finished, 0)
if last then gap = math.min(gap, ARGV[4] - string.match(last, '^%S+')) end
redis.call('LPUSH', keys.finished, ARGV[4] .. ' ' .. math.max(0, gap))
redis.call('LTRIM', keys.finished, 0, REMEMBERED - 1)
if ARGV[3] == 'succeeded' then
  local created, started = unpack(redis.call('HMGET', KEYS[1], 'created_at', 'started_at'))
  redis.call('HINCRBY', keys.stats, 'generation_ms', ARGV[7])
  redis.call('HINCRBY', keys.stats, 'wait_ms', math.max(0, math.floor(1000 * (started - created))))
end
return 1
