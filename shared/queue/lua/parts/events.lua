-- Writes a job's events into its stream, as part of the script that changes its record.

local KEPT_EVENTS = 256 -- enough for a picture of 100 steps with its stages
local EVENTS_TTL_S = 600

-- name: 'progress', 'preview' or 'end'; data: a table. Returns the event's id.
local function add_event(id, name, data)
  local key = keys.events .. id
  local event = redis.call('XADD', key, 'MAXLEN', '~', KEPT_EVENTS, '*', 'event', name, 'data', cjson.encode(data))
  redis.call('EXPIRE', key, EVENTS_TTL_S)
  return event
end

local function add_progress(id, status, stage, step, total_steps)
  add_event(id, 'progress', {
    status = status, stage = stage or cjson.null, step = tonumber(step) or 0, total_steps = tonumber(total_steps) or 0
  })
end
