-- The waiting jobs: of each queue, a sorted set by sequence number. Must follow load.

-- job: a record's key. A record of an earlier version names only its priority, which was its queue.
local function waiting_with(job)
  local queue, priority = unpack(redis.call('HMGET', job, 'queue', 'priority'))
  return keys.waiting .. (queue or priority or '')
end

local function change_waiting(job, number)
  local client, priority = unpack(redis.call('HMGET', job, 'client', 'priority'))
  change_load((priority or '') .. ':' .. (client or ''), number)
end

local function add_waiting(job, id)
  if redis.call('ZADD', waiting_with(job), redis.call('HGET', job, 'sequence'), id) == 1 then change_waiting(job, 1) end
end

local function remove_waiting(job, id)
  if redis.call('ZREM', waiting_with(job), id) == 1 then change_waiting(job, -1) end
end

local function count_waiting(priority)
  local count = 0
  for _, queue in ipairs(queues[priority]) do count = count + redis.call('ZCARD', keys.waiting .. queue) end
  return count
end
