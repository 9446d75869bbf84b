-- Gives a word of a deck another job, unless the deck has changed since it was read. Safe to repeat.
-- KEYS: deck; job
-- ARGV: the deck's id, its entries as read, its new entries, its new jobs
-- Returns: 1, or 0 if the deck has changed or no longer exists.

if redis.call('HGET', KEYS[1], 'entries') ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], 'entries', ARGV[3], 'jobs', ARGV[4])
local status, deck, guest_of = unpack(redis.call('HMGET', KEYS[2], 'status', 'deck', 'guest_of'))
local ttl = redis.call('TTL', KEYS[2])
local has_ended = ttl >= 0
if not status or deck == ARGV[1] then return 1 end
if not deck then
  redis.call('HSET', KEYS[2], 'deck', ARGV[1], 'is_guest', 1)
elseif not has_ended then -- a job of another deck, which tells this one of its end
  if string.find(guest_of or '', ARGV[1], 1, true) then return 1 end
  redis.call('HSET', KEYS[2], 'guest_of', (guest_of and guest_of .. ' ' or '') .. ARGV[1])
end
local kept = {KEYS[1], redis.call('HGET', KEYS[1], 'idempotency') or nil} -- its Idempotency-Key lives as long as the deck
if not has_ended then -- its end shortens the deck's life again
  redis.call('HINCRBY', KEYS[1], 'left', 1)
  for _, key in ipairs(kept) do redis.call('PERSIST', key) end
elseif redis.call('TTL', KEYS[1]) < ttl and redis.call('TTL', KEYS[1]) >= 0 then
  for _, key in ipairs(kept) do redis.call('EXPIRE', key, ttl) end
end
return 1
