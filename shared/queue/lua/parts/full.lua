-- Lets a script that ends a job, or lets it wait again, through a full Redis: Redis refuses a script at its first write if
-- that needs memory, and DEL needs none.
local function pass_when_full(job)
  redis.call('DEL', job .. ':none')
end
