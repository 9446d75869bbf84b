-- Lists the hosts with pending webhooks, after migrating the list of an older version.
-- KEYS: none
-- ARGV: none
-- Returns: the hosts.
-- needs: webhooks

local old = redis.call('ZRANGE', keys.old_webhooks, 0, -1, 'WITHSCORES')
for index = 1, #old, 2 do enqueue_webhook(keys.job .. old[index], old[index], old[index + 1]) end
redis.call('DEL', keys.old_webhooks)
return redis.call('SMEMBERS', keys.webhook_hosts)
