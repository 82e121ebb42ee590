"""What Redis does in one step, in Lua. Each change carries its number; one at or below the mark was done already.

So a write that is sent again, because its answer was lost, because a retry overtook it, or because another process
shares the same file, happens once. A mark lives in Redis beside the data: if Redis loses one it loses both, and what is
above the mark is sent again.

An erasure has a number too. Whoever read his records before the file's newest erasure is sent away with -1 and reads
them again, so that nothing of an erased user comes back by a write that was on its way.
"""

from __future__ import annotations

APPLY = """
-- KEYS: marks. ARGV: field, base, field of erasures, erasure, most texts, then: number, kind, key, value for each.
if tonumber(redis.call('HGET', KEYS[1], ARGV[3]) or 0) > tonumber(ARGV[4]) then return -1 end
local mark = tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or ARGV[2])
for i = 6, #ARGV, 4 do
  local number, kind, key, value = tonumber(ARGV[i]), ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  if number > mark then
    if kind == 'save' then
      redis.call('SET', key, value)
    elseif kind == 'append' then
      local type = redis.call('TYPE', key).ok
      if type == 'string' then
        -- Into a new place first: a server without memory refuses before anything is taken away.
        local held = redis.call('GET', key)
        redis.call('RPUSH', key .. ':moving', held, value)
        redis.call('RENAME', key .. ':moving', key)
      else
        if type ~= 'list' and type ~= 'none' then redis.call('DEL', key) end
        redis.call('RPUSH', key, value)
        redis.call('LTRIM', key, -tonumber(ARGV[5]), -1)
      end
    elseif kind == 'delete' then
      redis.call('DEL', key)
    end
    mark = number
  end
end
redis.call('HSET', KEYS[1], ARGV[1], mark)
return mark
"""

PUBLISH = """
-- KEYS: marks. ARGV: field, base, field of erasures, erasure, most entries, then: number, stream, id, data for each.
if tonumber(redis.call('HGET', KEYS[1], ARGV[3]) or 0) > tonumber(ARGV[4]) then return -1 end
local mark = tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or ARGV[2])
for i = 6, #ARGV, 4 do
  if tonumber(ARGV[i]) > mark then
    redis.call('XADD', ARGV[i + 1], 'MAXLEN', '~', ARGV[5], '*', 'id', ARGV[i + 2], 'data', ARGV[i + 3])
    mark = tonumber(ARGV[i])
  end
end
redis.call('HSET', KEYS[1], ARGV[1], mark)
return mark
"""

LOAD = """
-- KEYS: marks, key. ARGV: field, most texts. Gives the mark ('' without one) and the texts.
local mark = redis.call('HGET', KEYS[1], ARGV[1]) or ''
local type = redis.call('TYPE', KEYS[2]).ok
if type == 'string' then return {mark, redis.call('GET', KEYS[2])} end
if type == 'list' then return {mark, unpack(redis.call('LRANGE', KEYS[2], -tonumber(ARGV[2]), -1))} end
return {mark}
"""
