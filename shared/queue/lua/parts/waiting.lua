-- The waiting jobs: of each queue, a sorted set by sequence number.

-- job: a record's key. A record of an earlier version names only its priority, which was its queue.
local function waiting_with(job)
  local queue, priority = unpack(redis.call('HMGET', job, 'queue', 'priority'))
  return keys.waiting .. (queue or priority or '')
end

local function count_waiting(priority)
  local count = 0
  for _, queue in ipairs(queues[priority]) do count = count + redis.call('ZCARD', keys.waiting .. queue) end
  return count
end
