-- The load: the waiting and running jobs and the estimated bytes of their results, of all and of each client; and of each
-- client the waiting jobs of each priority. It is a hash that expires soon. Until then every change of a job changes it, so
-- that a submission need not count all jobs.

local LOAD_TTL_S = 5

local function change_load(field, number)
  -- It is an estimate, whose errors must not keep a job from ending.
  if redis.call('EXISTS', keys.load) == 1 then redis.pcall('HINCRBY', keys.load, field, string.format('%d', number)) end
end

-- Calls change(field, number) for all that a job counts for while it waits or runs.
local function each_load(client, bytes, change)
  for field, number in pairs({jobs = 1, bytes = tonumber(bytes) or 0}) do
    change(field, number)
    change(field .. ':' .. client, number)
  end
end

local function add_load(client, bytes) each_load(client, bytes, change_load) end

local function remove_load(client, bytes)
  each_load(client, bytes, function(field, number) change_load(field, -number) end)
end

local function count_load()
  if redis.call('EXISTS', keys.load) == 1 then return end
  local load = {jobs = 0}
  local function add(field, number) load[field] = (load[field] or 0) + number end
  local function add_jobs(ids, priority)
    for _, id in ipairs(ids) do
      local client, bytes = unpack(redis.call('HMGET', keys.job .. id, 'client', 'result_bytes'))
      each_load(client or '', bytes, add)
      if priority then add(priority .. ':' .. (client or ''), 1) end
    end
  end
  for priority, names in pairs(queues) do
    for _, queue in ipairs(names) do add_jobs(redis.call('ZRANGE', keys.waiting .. queue, 0, -1), priority) end
  end
  for _, worker in ipairs(redis.call('SMEMBERS', keys.owners)) do
    add_jobs(redis.call('SMEMBERS', keys.running .. worker))
  end
  for field, number in pairs(load) do redis.call('HSET', keys.load, field, string.format('%d', number)) end
  redis.call('EXPIRE', keys.load, LOAD_TTL_S)
end
