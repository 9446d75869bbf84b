"""How a job ends, whoever ends it: part of every script that gives a job a terminal status."""

from typing import cast

import redis
from pydantic import ValidationError

from shared.job_events import ADD_EVENT
from shared.keys import PREFIX
from shared.schemas import RecentFailure
from shared.webhook_outbox import ENQUEUE

STATS = PREFIX + "stats"  # hash: status, how many jobs ended so
FAILURE_CODES = PREFIX + "failure_codes"  # hash: error code, how many jobs failed by it
RECENT_FAILURES = PREFIX + "recent_failures"  # list of JSON, the last one first
KEPT_FAILURES = 50

# `key` is the job's record, `id` the job, `now` in seconds since the epoch, `error` JSON or '', `ttl` in seconds.
END_JOB = f"""
{ENQUEUE}
{ADD_EVENT}
local function end_job(key, id, status, now, error, ttl)
  redis.call('HSET', key, 'status', status, 'finished_at', now, 'error', error)
  redis.call('EXPIRE', key, ttl)
  local client, deck = unpack(redis.call('HMGET', key, 'client', 'deck'))
  redis.call('EXPIRE', '{PREFIX}jobs:' .. (client or ''), ttl)
  if deck then redis.call('EXPIRE', '{PREFIX}deck:' .. deck, ttl) end
  redis.call('HINCRBY', '{STATS}', status, 1)
  enqueue_webhook(key, id, now)
  local reason = error ~= '' and cjson.decode(error) or cjson.null
  local event = add_event(id, 'end', {{status = status, error = reason}})
  redis.call('HSET', key, 'end_event', event)
  if reason ~= cjson.null then
    local failure = {{job_id = id, code = reason.code, detail = reason.detail, ended_at = tonumber(now)}}
    redis.call('HINCRBY', '{FAILURE_CODES}', reason.code, 1)
    redis.call('LPUSH', '{RECENT_FAILURES}', cjson.encode(failure))
    redis.call('LTRIM', '{RECENT_FAILURES}', 0, {KEPT_FAILURES - 1})
  end
end
"""


def failure_codes(client: redis.Redis) -> dict[str, int]:
    """Return how many jobs failed, by error code."""
    return {code: int(count) for code, count in cast("dict[str, str]", client.hgetall(FAILURE_CODES)).items()}


def recent_failures(client: redis.Redis) -> list[RecentFailure]:
    """Return the latest failures, the last one first."""
    kept = cast("list[str]", client.lrange(RECENT_FAILURES, 0, -1))
    return [failure for failure in map(_read_failure, kept) if failure is not None]


def _read_failure(text: str) -> RecentFailure | None:
    """Return a failure; None if another version wrote it and this one cannot read it."""
    try:
        return RecentFailure.model_validate_json(text, extra="ignore")
    except ValidationError:
        return None
