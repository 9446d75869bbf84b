-- Records a deck with all its jobs, unless its Idempotency-Key was used before or the bulk queue lacks room for all.
-- KEYS: deck; waiting bulk jobs; idempotency key or ''
-- ARGV: id, fingerprint, limit, record TTL, client, JSON of the jobs as [id, fields and values in turn],
--       then the deck's fields and values in turn
-- Returns: 'created', 'existing', 'conflict' or 'full', and the deck's id.
-- needs: job_creation

if KEYS[3] ~= '' then
  local first = redis.call('GET', KEYS[3])
  local fingerprint = first and redis.call('HGET', keys.deck .. first, 'fingerprint')
  if fingerprint then
    return {fingerprint == ARGV[2] and 'existing' or 'conflict', first}
  end
end
local jobs = cjson.decode(ARGV[6])
if redis.call('ZCARD', KEYS[2]) + #jobs > tonumber(ARGV[3]) then
  return {'full', ''}
end
redis.call('HSET', KEYS[1], 'fingerprint', ARGV[2], 'client', ARGV[5], 'left', #jobs, unpack(ARGV, 7))
add_to_list(keys.decks .. ARGV[5], keys.deck, ARGV[1], redis.call('INCR', keys.sequence))
for _, job in ipairs(jobs) do create_job(job[1], ARGV[5], 'bulk', job[2]) end
if KEYS[3] ~= '' then
  redis.call('SET', KEYS[3], ARGV[1], 'EX', ARGV[4])
  redis.call('HSET', KEYS[1], 'idempotency', KEYS[3])
end
return {'created', ARGV[1]}
