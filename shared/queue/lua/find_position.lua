-- Estimates how many jobs will be taken before a waiting one. Interactive jobs go before bulk ones. Queues of the same
-- priority take turns, so of each other one as many jobs go first as wait before this one in its own.
-- KEYS: none
-- ARGV: id, queue, priority
-- Returns: the number; nil if the job does not wait.
-- needs: load waiting

local rank = redis.call('ZRANK', keys.waiting .. ARGV[2], ARGV[1])
if not rank then return nil end
local ahead = rank
for _, queue in ipairs(queues[ARGV[3]]) do
  if queue ~= ARGV[2] then ahead = ahead + math.min(rank, redis.call('ZCARD', keys.waiting .. queue)) end
end
if ARGV[3] == 'bulk' then ahead = ahead + count_waiting('interactive') end
return ahead
