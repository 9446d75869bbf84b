-- Gives a job a terminal status and updates everything that depends on it. Must follow clock, events, webhooks and load.

local KEPT_FAILURES = 50
-- How long a job that never started is kept, so that nobody can fill Redis with jobs that cost no work.
local UNSTARTED_TTL_S = 3600

-- Keeps a record for so many seconds, and as long the Idempotency-Key that leads to it.
local function keep_record(key, ttl)
  redis.call('EXPIRE', key, ttl)
  local idempotency = redis.call('HGET', key, 'idempotency')
  if idempotency then redis.call('EXPIRE', idempotency, ttl) end
end

-- Remembers for so many seconds a job, or a word that was refused, that cost no work.
local function count_cancelled(client, id, now, ttl)
  redis.call('ZREMRANGEBYSCORE', keys.cancelled .. client, '-inf', now)
  redis.call('ZADD', keys.cancelled .. client, now + ttl, id)
end

-- Keeps a deck whose own jobs all ended before they started, and their records, as long as that of a single such job.
-- A picture that was put into it keeps the deck as long as itself.
local function shorten_deck(id, client, now, ttl)
  local short = math.min(ttl, UNSTARTED_TTL_S)
  local kept = short
  local word = 0
  for job in string.gmatch(redis.call('HGET', keys.deck .. id, 'jobs') or '', '%S+') do
    local key = keys.job .. job
    local deck, started_at = unpack(redis.call('HMGET', key, 'deck', 'started_at'))
    word = word + 1
    if started_at then
      local left = redis.call('TTL', key)
      kept = math.max(kept, left < 0 and ttl or left)
    elseif job == '-' then
      count_cancelled(client, id .. ':' .. word, now, short)
    elseif deck == id then
      keep_record(key, short)
      count_cancelled(client, job, now, short)
    end
  end
  keep_record(keys.deck .. id, kept)
end

-- Keeps a deck as long as the record of the job that ends last. is_drawn: whether the job started, and is the deck's own.
local function end_deck(id, client, is_drawn, now, ttl)
  local key = keys.deck .. id
  if redis.call('EXISTS', key) == 0 then return end
  keep_record(key, ttl)
  redis.call('EXPIRE', keys.decks .. client, ttl)
  if is_drawn then redis.call('HSET', key, 'is_drawn', 1) end
  if redis.call('HINCRBY', key, 'left', -1) ~= 0 then return end
  -- Only the first time: a word may be drawn again later.
  if redis.call('HSETNX', key, 'finished_at', now) == 1 then enqueue_webhook(key, 'deck:' .. id) end
  if redis.call('HEXISTS', key, 'is_drawn') == 0 then shorten_deck(id, client, now, ttl) end
end

-- key: the job's record; id: the job; error: JSON or ''; ttl: seconds
local function end_job(key, id, status, error, ttl)
  local now = redis_time()
  redis.call('HSET', key, 'status', status, 'finished_at', now, 'error', error)
  local client, deck, started_at, is_guest, guest_of, bytes =
    unpack(redis.call('HMGET', key, 'client', 'deck', 'started_at', 'is_guest', 'guest_of', 'result_bytes'))
  client = client or ''
  remove_load(client, bytes)
  -- A deck lists its jobs, so their records last as long as it does. A job may have been replaced there.
  local is_listed = deck and string.find(redis.call('HGET', keys.deck .. deck, 'jobs') or '', id, 1, true)
  local kept = (started_at or is_listed) and ttl or math.min(ttl, UNSTARTED_TTL_S)
  keep_record(key, kept)
  redis.call('EXPIRE', keys.jobs .. client, ttl)
  if not started_at then
    count_cancelled(client, id, now, kept)
    redis.call('EXPIRE', keys.cancelled .. client, ttl)
  end
  if deck then end_deck(deck, client, started_at and not is_guest, now, ttl) end
  for other in string.gmatch(guest_of or '', '%S+') do end_deck(other, client, false, now, ttl) end
  redis.call('HINCRBY', keys.stats, status, 1)
  enqueue_webhook(key, id)
  local reason = error ~= '' and cjson.decode(error) or cjson.null
  local event = add_event(id, 'end', {status = status, error = reason})
  redis.call('HSET', key, 'end_event', event)
  if reason ~= cjson.null then
    local failure = {job_id = id, code = reason.code, detail = reason.detail, ended_at = now}
    redis.call('HINCRBY', keys.failure_codes, reason.code, 1)
    redis.call('LPUSH', keys.recent_failures, cjson.encode(failure))
    redis.call('LTRIM', keys.recent_failures, 0, KEPT_FAILURES - 1)
  end
end
