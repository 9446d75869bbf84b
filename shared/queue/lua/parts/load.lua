-- The load: the waiting and running jobs and the estimated bytes of their results, of all and of each client. It is a hash
-- that expires soon. Until then each new and each ended job changes it, so that a submission need not count all jobs.

local LOAD_TTL_S = 5

-- Calls add(field, number) for all that a job counts for.
local function each_load(client, priority, bytes, add)
  for field, number in pairs({jobs = 1, bytes = tonumber(bytes) or 0}) do
    add(field, number)
    add(field .. ':' .. client, number)
  end
  add(priority .. ':' .. client, 1)
end

-- sign: 1 for a new job, -1 for one that has ended
local function change_load(client, priority, bytes, sign)
  if redis.call('EXISTS', keys.load) == 0 then return end
  each_load(client, priority, bytes, function(field, number)
    redis.call('HINCRBY', keys.load, field, string.format('%.0f', sign * number))
  end)
end

local function count_load()
  if redis.call('EXISTS', keys.load) == 1 then return end
  local load = {jobs = 0}
  local function add(field, number) load[field] = (load[field] or 0) + number end
  local function add_jobs(ids)
    for _, id in ipairs(ids) do
      local client, priority, bytes = unpack(redis.call('HMGET', keys.job .. id, 'client', 'priority', 'result_bytes'))
      each_load(client or '', priority or '', bytes, add)
    end
  end
  for _, names in pairs(queues) do
    for _, queue in ipairs(names) do add_jobs(redis.call('ZRANGE', keys.waiting .. queue, 0, -1)) end
  end
  for _, worker in ipairs(redis.call('SMEMBERS', keys.owners)) do
    add_jobs(redis.call('SMEMBERS', keys.running .. worker))
  end
  for field, number in pairs(load) do redis.call('HSET', keys.load, field, string.format('%.0f', number)) end
  redis.call('EXPIRE', keys.load, LOAD_TTL_S)
end
