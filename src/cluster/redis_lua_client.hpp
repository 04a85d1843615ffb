#pragma once

#include <string_view>

/// The scripts of RedisScripts, for clients and for who looks.
namespace asyncio::cluster::detail {

/// With lua_common, lua_keep, lua_group.
inline constexpr std::string_view lua_publish = R"lua(
-- One more who waits; if it has ended, he is told at once. Returns what that is as an Accepted.
local function join(id, client, asking)
  local key = task_key(id)
  local task = redis.call('HMGET', key, 'state', 'waiters', 'payload', 'made_by', 'joined_by')
  -- The same call, whose answer was lost.
  if task[4] == asking then return 0 end
  if task[5] == asking or client == '' then return 1 end
  redis.call('HSET', key, 'joined_by', asking)
  if task[1] ~= 'queued' then
    tell(client, 'id', id, 'outcome', task[1], 'payload', task[3] or '')
    return 1
  end
  local waiters = task[2] or ''
  if not string.find('\n' .. waiters .. '\n', '\n' .. client .. '\n', 1, true) then
    redis.call('HSET', key, 'waiters', waiters == '' and client or waiters .. '\n' .. client)
  end
  redis.call('HDEL', key, 'cancel')
  return 1
end

local most = tonumber(ARGV[1])
local room = most > 0 and most - queued() or math.huge
local is_new = 1 - redis.call('EXISTS', base .. ':counts')
local answers = {}
for i = 3, #ARGV, 12 do
  local id, asking = ARGV[i + 1], ARGV[2] .. '-' .. i
  if redis.call('EXISTS', task_key(id)) == 1 then
    answers[#answers + 1] = join(id, ARGV[i + 5], asking)
  elseif room <= 0 then
    answers[#answers + 1] = 2
  else
    local entry = keep_message(i + 1, ARGV[i])
    redis.call('HSET', task_key(id), 'state', 'queued', 'entry', entry, 'waiters', ARGV[i + 5],
               'keep', ARGV[i + 11], 'made_by', asking)
    room = room - 1
    count('accepted')
    answers[#answers + 1] = 0
  end
end
settle()
return {is_new, answers}
)lua";

/// With lua_common, lua_ends.
inline constexpr std::string_view lua_cancel = R"lua(
local id, client = ARGV[1], ARGV[2]
local task = task_of(id)
if task[1] ~= 'queued' then return 0 end
local left = {}
for waiter in string.gmatch(task[3] or '', '[^\n]+') do
  if waiter ~= client then left[#left + 1] = waiter end
end
task[3] = table.concat(left, '\n')
redis.call('HSET', task_key(id), 'waiters', task[3])
if #left > 0 then return 0 end

local entry = task[2]
local held = {}
if entry ~= '' then held = redis.pcall('XPENDING', stream, group, entry, entry, 1) end
if held[1] then
  redis.call('HSET', task_key(id), 'cancel', 1)
  local control = base .. ':control:' .. held[1][2]
  redis.call('XADD', control, '*', 'cancel', id)
  redis.call('PEXPIRE', control, 86400000)
else
  drop(entry)
  end_task(id, task, entry, 'cancelled', '')
end
settle()
return 1
)lua";

/// With lua_common, lua_group.
inline constexpr std::string_view lua_status = R"lua(
local total, of = running()
local now = now_ms()
local workers = {}
local known = redis.call('HGETALL', base .. ':workers')
for i = 1, #known, 2 do
  local seen, concurrency = string.match(known[i + 1], '^(%d+) (%d+)')
  workers[#workers + 1] = {known[i], tonumber(concurrency or 0), of[known[i]] or 0,
                           seen and math.max(now - seen, 0) or 0}
end
return {math.max(redis.call('XLEN', stream) - total, 0), total, redis.call('ZCARD', delayed),
        redis.call('XLEN', dead), redis.call('HGETALL', base .. ':counts'),
        redis.call('HGET', base .. ':config', 'rate'), workers}
)lua";

/// With lua_common, lua_group.
inline constexpr std::string_view lua_queued = R"lua(
local most = tonumber(ARGV[1])
local all = {}
for _, entry in ipairs(waiting(most)) do all[#all + 1] = {entry[2], 0} end
if #all < most then
  local now = now_ms()
  local later = redis.call('ZRANGE', delayed, 0, most - #all - 1, 'WITHSCORES')
  for i = 1, #later, 2 do
    all[#all + 1] = {redis.call('HGETALL', message_key(later[i])),
                     math.max(tonumber(later[i + 1]) - now, 0)}
  end
end
return all
)lua";

/// With lua_common, lua_ends.
inline constexpr std::string_view lua_requeue = R"lua(
local n = 0
for _, letter in ipairs(ARGV) do
  local found = redis.pcall('XRANGE', dead, letter, letter)
  if found[1] then
    n = n + 1
    redis.call('XDEL', dead, letter)
    local fields = {}
    for i = 7, math.min(#found[1][2], 206) do fields[#fields + 1] = found[1][2][i] end
    local id = value_in(fields, 'id')
    -- One of its id that was published since, when this one was forgotten, stands for both.
    if not id or task_of(id)[1] ~= 'queued' then
      set_in(fields, 'attempt', 1)
      set_in(fields, 'redelivered', 0)
      local entry = redis.call('XADD', stream, '*', unpack(fields))
      count('accepted')
      if id then
        redis.call('DEL', task_key(id))
        redis.call('HSET', task_key(id), 'state', 'queued', 'entry', entry,
                   'waiters', value_in(fields, 'reply') or '',
                   'keep', value_in(fields, 'keep_ms') or 3600000)
      end
    end
  end
end
settle()
return n
)lua";

/// With lua_common, lua_ends, lua_group.
inline constexpr std::string_view lua_drain = R"lua(
local n = 0
for _, entry in ipairs(waiting(100)) do
  n = n + 1
  drop(entry[1])
  local id = value_in(entry[2], 'id') or ''
  local task = task_of(id)
  if task[1] == 'queued' then
    end_task(id, task, entry[1], 'cancelled', '')
  else
    count('failed')
  end
end
for _, id in ipairs(redis.call('ZRANGE', delayed, 0, 99)) do
  n = n + 1
  redis.call('ZREM', delayed, id)
  redis.call('DEL', message_key(id))
  local task = task_of(id)
  if task[1] == 'queued' then end_task(id, task, '', 'cancelled', '') end
end
settle()
return n
)lua";

/// With lua_common. Who waits for messages by another way learns of the rate at once.
inline constexpr std::string_view lua_limit_rate = R"lua(
local config = base .. ':config'
redis.call('DEL', config)
if tonumber(ARGV[1]) > 0 then redis.call('HSET', config, 'rate', ARGV[1]) end
for _, worker in ipairs(redis.call('HKEYS', base .. ':workers')) do
  local control = base .. ':control:' .. worker
  redis.call('XADD', control, '*', 'rate', ARGV[1])
  redis.call('PEXPIRE', control, 86400000)
end
return 1
)lua";

}  // namespace asyncio::cluster::detail
