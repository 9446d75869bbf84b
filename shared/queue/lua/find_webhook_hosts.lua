-- Lists the hosts with pending webhooks, after migrating the list of an older version.
-- KEYS: none
-- ARGV: none
-- Returns: the hosts.
-- needs: webhooks

for _, id in ipairs(redis.call('ZRANGE', keys.old_webhooks, 0, -1)) do enqueue_webhook(keys.job .. id, id) end
redis.call('DEL', keys.old_webhooks)
return redis.call('SMEMBERS', keys.webhook_hosts)
