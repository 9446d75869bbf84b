-- Seconds since the epoch by Redis's clock, the only one that all machines share.
local function redis_time()
  local time = redis.call('TIME')
  return time[1] + time[2] / 1000000
end
