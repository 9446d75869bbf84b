-- Records a job as queued, unless its Idempotency-Key was used before or the queue is full.
-- KEYS: waiting jobs of its priority; idempotency key or ''
-- ARGV: id, fingerprint, limit, record TTL, client, priority, then the record's fields and values in turn
-- Returns: 'created', 'existing', 'conflict' or 'full', and the job's id.
-- needs: job_creation

if KEYS[2] ~= '' then
  local first = redis.call('GET', KEYS[2])
  local fingerprint = first and redis.call('HGET', keys.job .. first, 'fingerprint')
  if fingerprint then
    return {fingerprint == ARGV[2] and 'existing' or 'conflict', first}
  end
end
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[3]) then
  return {'full', ''}
end
create_job(ARGV[1], ARGV[5], ARGV[6], {unpack(ARGV, 7)})
if KEYS[2] ~= '' then
  redis.call('SET', KEYS[2], ARGV[1], 'EX', ARGV[4])
  redis.call('HSET', keys.job .. ARGV[1], 'idempotency', KEYS[2])
end
return {'created', ARGV[1]}
