-- Gives a job a terminal status and updates everything that depends on it. Must follow events and webhooks.

local KEPT_FAILURES = 50
-- How long a job that never started is kept, so that nobody can fill Redis with jobs that cost no work.
local UNSTARTED_TTL_S = 3600

-- Keeps a record for so many seconds, and as long the Idempotency-Key that leads to it.
local function keep_record(key, ttl)
  redis.call('EXPIRE', key, ttl)
  local idempotency = redis.call('HGET', key, 'idempotency')
  if idempotency then redis.call('EXPIRE', idempotency, ttl) end
end

-- Keeps a deck as long as the record of the job that ends last; but if all of its jobs ended before they started,
-- the deck and their records as long as that of a single such job.
local function end_deck(id, client, has_started, now, ttl)
  local key = keys.deck .. id
  if redis.call('EXISTS', key) == 0 then return end
  keep_record(key, ttl)
  redis.call('EXPIRE', keys.decks .. client, ttl)
  if has_started then redis.call('HSET', key, 'has_started', 1) end
  if redis.call('HINCRBY', key, 'left', -1) ~= 0 then return end
  -- Only the first time: a word may be drawn again later.
  if redis.call('HSETNX', key, 'finished_at', now) == 1 then enqueue_webhook(key, 'deck:' .. id) end
  if redis.call('HEXISTS', key, 'has_started') == 1 then return end
  local short = math.min(ttl, UNSTARTED_TTL_S)
  keep_record(key, short)
  for _, entry in ipairs(cjson.decode(redis.call('HGET', key, 'entries'))) do
    local job = entry.job_id ~= cjson.null and keys.job .. entry.job_id
    if job and redis.call('HGET', job, 'deck') == id then redis.call('EXPIRE', job, short) end
  end
end

-- key: the job's record; id: the job; now: seconds since the epoch; error: JSON or ''; ttl: seconds
local function end_job(key, id, status, now, error, ttl)
  redis.call('HSET', key, 'status', status, 'finished_at', now, 'error', error)
  local client, deck, started_at = unpack(redis.call('HMGET', key, 'client', 'deck', 'started_at'))
  -- A deck lists its jobs, so their records last as long as it does.
  keep_record(key, (started_at or deck) and ttl or math.min(ttl, UNSTARTED_TTL_S))
  redis.call('EXPIRE', keys.jobs .. (client or ''), ttl)
  if deck then end_deck(deck, client or '', started_at, now, ttl) end
  redis.call('HINCRBY', keys.stats, status, 1)
  enqueue_webhook(key, id)
  local reason = error ~= '' and cjson.decode(error) or cjson.null
  local event = add_event(id, 'end', {status = status, error = reason})
  redis.call('HSET', key, 'end_event', event)
  if reason ~= cjson.null then
    local failure = {job_id = id, code = reason.code, detail = reason.detail, ended_at = tonumber(now)}
    redis.call('HINCRBY', keys.failure_codes, reason.code, 1)
    redis.call('LPUSH', keys.recent_failures, cjson.encode(failure))
    redis.call('LTRIM', keys.recent_failures, 0, KEPT_FAILURES - 1)
  end
end
