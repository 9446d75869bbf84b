-- Ends a job and stores its result atomically. Safe to repeat with the same token.
-- KEYS: job; running; the result's document, if it has one
-- ARGV: id, token, status, error, record TTL, generation ms, document, result TTL, budget, pictures …
-- Returns: 1, or 0 if the lease is lost.
-- needs: clock full events webhooks load completion results

local REMEMBERED = 50 -- latest ends, from which the rate is measured

if redis.call('HGET', KEYS[1], 'ended_by') == ARGV[2] then return 1 end
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[2] then return 0 end
pass_when_full(KEYS[1])
if KEYS[3] then
  local pictures = {unpack(ARGV, 10)}
  keep_result(KEYS[3], ARGV[1], ARGV[2], redis_time(), ARGV[8], tonumber(ARGV[9]), ARGV[7], pictures)
end
end_job(KEYS[1], ARGV[1], ARGV[3], ARGV[4], ARGV[5])
redis.call('HSET', KEYS[1], 'ended_by', ARGV[2])
redis.call('HDEL', KEYS[1], 'token')
redis.call('SREM', KEYS[2], ARGV[1])
local created, started, finished = unpack(redis.call('HMGET', KEYS[1], 'created_at', 'started_at', 'finished_at'))
local gap = finished - started
local last = redis.call('LINDEX', keys.finished, 0)
if last then gap = math.min(gap, finished - string.match(last, '^%S+')) end
redis.call('LPUSH', keys.finished, finished .. ' ' .. math.max(0, gap))
redis.call('LTRIM', keys.finished, 0, REMEMBERED - 1)
if ARGV[3] == 'succeeded' then
  redis.call('HINCRBY', keys.stats, 'generation_ms', ARGV[6])
  redis.call('HINCRBY', keys.stats, 'wait_ms', math.max(0, math.floor(1000 * (started - created))))
end
return 1
