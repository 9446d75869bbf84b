-- Counts the waiting jobs.
-- KEYS: none
-- ARGV: the priorities
-- Returns: the number of jobs of each priority.
-- needs: load waiting

local counts = {}
for index, priority in ipairs(ARGV) do counts[index] = count_waiting(priority) end
return counts
