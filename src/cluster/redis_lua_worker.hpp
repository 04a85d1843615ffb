#pragma once

#include <string_view>

/// The scripts of RedisScripts, for workers.
namespace asyncio::cluster::detail {

/// With lua_patience. The rate is a bucket of tokens, of a tenth of a second's; the clock is
/// Redis'.
inline constexpr std::string_view lua_claim = R"lua(
local consumer, left, concurrency = ARGV[1], tonumber(ARGV[2]), ARGV[3]

local function make_group(key)
  redis.pcall('XGROUP', 'CREATE', key, 'workers', '0', 'MKSTREAM')  -- it may be there
end

-- Returns how many may be taken, and the bucket's new state, if there is a limit.
local function allowed(config)
  local values = redis.call('HMGET', config, 'rate', 'tokens', 'at')
  local rate = tonumber(values[1] or '')
  if not rate then return left end
  local t = redis.call('TIME')
  local now = t[1] + t[2] / 1000000
  local tokens = tonumber(values[2] or '') or 1
  local passed = math.max(now - (tonumber(values[3] or '') or now), 0)
  tokens = math.min(tokens + passed * rate, math.max(rate / 10, 1))
  return math.min(left, math.floor(tokens + 1e-6)), rate, tokens, now
end

local function take(stream, most)
  local read = redis.pcall('XREADGROUP', 'GROUP', 'workers', consumer, 'COUNT', most,
                           'STREAMS', stream, '>')
  if read and read.err and string.find(read.err, 'NOGROUP') then
    make_group(stream)
    return take(stream, most)
  end
  if read and read.err then return read end
  return read and read[1][2] or {}
end

local function last_entry(stream)
  local info = redis.pcall('XINFO', 'STREAM', stream)
  for i = 1, info.err and 0 or #info, 2 do
    if info[i] == 'last-generated-id' then return info[i + 1] end
  end
  return '0-0'
end

local answer = {}
for q, base in ipairs(KEYS) do
  local stream, config = base .. ':stream', base .. ':config'
  local control = base .. ':control:' .. consumer
  if concurrency ~= '' then
    make_group(stream)
    make_group(control)
    redis.call('PEXPIRE', control, 86400000)
    local now = redis.call('TIME')[1] .. '000'
    redis.call('HSETNX', base .. ':workers', consumer, now .. ' ' .. concurrency)
    note_patience(base .. ':patience', concurrency)
  end

  local orders = {}
  for _, order in ipairs(redis.call('XRANGE', control, '(' .. ARGV[3 + q], '+')) do
    redis.pcall('XACK', control, 'workers', order[1])
    orders[#orders + 1] = order[1]
    orders[#orders + 1] = order[2][1] == 'cancel' and order[2][2] or ''
  end
  if #orders > 0 then redis.call('XTRIM', control, 'MINID', orders[1]) end

  local most, rate, tokens, now = allowed(config)
  local entries, wait = {}, -1
  if most > 0 then
    entries = take(stream, most)
    if entries.err then return entries end
    left = left - #entries
  end
  if rate then
    tokens = tokens - #entries
    redis.call('HSET', config, 'tokens', string.format('%.6f', tokens),
               'at', string.format('%.6f', now))
    wait = tokens < 1 and math.ceil((1 - tokens) / rate * 1000) or 0
  end
  answer[q] = {entries, orders, wait, (rate or #KEYS > 1) and last_entry(stream) or '0-0'}
end
return answer
)lua";

/// With lua_common, lua_patience.
inline constexpr std::string_view lua_extend = R"lua(
local consumer = ARGV[1]
redis.call('HSET', base .. ':workers', consumer, string.format('%.0f', now_ms()) .. ' ' .. ARGV[2])
redis.call('PEXPIRE', base .. ':control:' .. consumer, 86400000)
note_patience(base .. ':patience', ARGV[2])
local lost = {}
for i = 3, #ARGV do
  local entry = ARGV[i]
  local mine = redis.pcall('XPENDING', stream, group, entry, entry, 1, consumer)
  -- What is no longer in the stream goes from the list of what is pending by this, too.
  local kept = mine[1] and redis.call('XCLAIM', stream, group, consumer, 0, entry, 'JUSTID')
  if not kept or #kept == 0 then lost[#lost + 1] = entry end
end
return lost
)lua";

/// With lua_common, lua_ends. An end that is told again, since its answer was lost, is no second
/// execution.
inline constexpr std::string_view lua_finish = R"lua(
for i = 1, #ARGV, 4 do
  local id, entry = ARGV[i], ARGV[i + 1]
  local task = task_of(id)
  if task[1] == 'queued' then
    end_task(id, task, entry, ARGV[i + 2], ARGV[i + 3])
  elseif task[5] ~= entry then
    count('duplicates')
  end
  drop(entry)
end
settle()
return 1
)lua";

/// With lua_common, lua_ends.
inline constexpr std::string_view lua_fail = R"lua(
local id, entry = ARGV[1], ARGV[2]
local task = task_of(id)
if not has_ended(task) then
  bury(id, task, entry, ARGV[3], ARGV[4], ARGV[5])
elseif task[5] ~= entry then
  count('duplicates')
end
drop(entry)
settle()
return 1
)lua";

/// With lua_common, lua_ends, lua_keep. What is no longer pending was put back by others, or by
/// this, and the answer was lost.
inline constexpr std::string_view lua_delay = R"lua(
local entry, delay, id = ARGV[1], ARGV[2], ARGV[3]
local before = fields_of(entry)
if redis.call('XACK', stream, group, entry) == 0 then return 0 end
redis.call('XDEL', stream, entry)
local task = task_of(id)
if has_ended(task) then return 0 end
if task[6] then
  end_task(id, task, entry, 'cancelled', '')
else
  local attempt = before and tonumber(value_in(before, 'attempt') or '') or 1
  if tonumber(ARGV[8]) > attempt then count('retried') end
  redis.call('HSET', task_key(id), 'state', 'queued', 'entry', keep_message(3, delay))
end
settle()
return 1
)lua";

/// With lua_common.
inline constexpr std::string_view lua_report = R"lua(
local task = redis.call('HMGET', task_key(ARGV[1]), 'state', 'waiters')
if task[1] == 'queued' then tell(task[2], 'id', ARGV[1], 'done', ARGV[2], 'total', ARGV[3]) end
settle()
return 1
)lua";

/// With lua_common, lua_ends. A hundred of a kind at once, so that nobody else waits for long.
inline constexpr std::string_view lua_tend = R"lua(
local visibility, most, reason, payload = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4]
local now = now_ms()
local due = redis.call('ZRANGEBYSCORE', delayed, '-inf', now, 'LIMIT', 0, 100)
for _, id in ipairs(due) do
  local fields = redis.call('HGETALL', message_key(id))
  redis.call('ZREM', delayed, id)
  if #fields > 0 then
    redis.call('DEL', message_key(id))
    local entry = redis.call('XADD', stream, '*', unpack(fields))
    redis.call('HSET', task_key(id), 'state', 'queued', 'entry', entry)
  end
end

-- Each worker has said how long it may be silent.
local function patience_with(worker)
  local known = redis.call('HGET', base .. ':workers', worker) or ''
  return tonumber(string.match(known, '^%d+ %d+ (%d+)') or visibility)
end
local shortest = math.min(tonumber(visibility),
                          tonumber(redis.call('GET', base .. ':patience') or visibility))
local lost, from, looked = 0, '-', 0
repeat
  local held = redis.pcall('XPENDING', stream, group, 'IDLE', shortest, from, '+', 100)
  for _, one in ipairs(held) do
    if one[3] >= patience_with(one[2]) then
      put_back(one[1], most, reason, payload)
      lost = lost + 1
    end
    from = '(' .. one[1]
  end
  looked = looked + 1
until #held < 100 or lost >= 100 or looked == 10

-- Who is silent for an hour and has nothing does not come back under its name.
local hour = 3600000
if redis.call('SET', base .. ':tidied', now, 'NX', 'PX', 60000) then
  local known = redis.call('HGETALL', base .. ':workers')
  for i = 1, #known, 2 do
    local seen = tonumber(string.match(known[i + 1], '^%d+') or 0)
    if now - seen > hour then
      redis.call('HDEL', base .. ':workers', known[i])
      redis.call('DEL', base .. ':control:' .. known[i])
    end
  end
  for _, flat in ipairs(redis.pcall('XINFO', 'CONSUMERS', stream, group)) do
    local consumer = {}
    for i = 1, #flat, 2 do consumer[flat[i]] = flat[i + 1] end
    if consumer.pending == 0 and consumer.idle > hour then
      redis.call('XGROUP', 'DELCONSUMER', stream, group, consumer.name)
    end
  end
end
settle()

if #due == 100 or lost >= 100 then return 0 end
local soonest = redis.call('ZRANGE', delayed, 0, 0, 'WITHSCORES')[2]
return math.max(math.min(500, (tonumber(soonest) or now + 500) - now), 0)
)lua";

/// With lua_common, lua_ends.
inline constexpr std::string_view lua_leave = R"lua(
local consumer = ARGV[1]
redis.call('HDEL', base .. ':workers', consumer)
redis.call('DEL', base .. ':control:' .. consumer)
while true do
  local held = redis.pcall('XPENDING', stream, group, '-', '+', 100, consumer)
  if not held[1] then break end
  for _, delivery in ipairs(held) do
    put_back(delivery[1], tonumber(ARGV[3]), ARGV[4], ARGV[5])
  end
  drop_all()
end
redis.pcall('XGROUP', 'DELCONSUMER', stream, group, consumer)
settle()
return 1
)lua";

}  // namespace asyncio::cluster::detail
