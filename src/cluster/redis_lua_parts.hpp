#pragma once

#include <string_view>

/// What the scripts have in common. What a task is, in the hash :task:ID :
///   state    queued (that is: not ended), or how it has ended: value, error, cancelled, dead
///   entry    of the stream, where its message is; "" while it is delayed
///   waiters  the clients that want the result, a line each
///   keep     for how many ms it is known when it has ended
///   ended    the entry whose end it was; payload: what it has given
///   made_by, joined_by   the first and the last call that have published it
///   cancel   is there when nobody wants it any more and a worker has it
namespace asyncio::cluster::detail {

/// Keys, counts and replies. Who uses it calls settle() at its end.
inline constexpr std::string_view lua_common = R"lua(
local base = KEYS[1]
local stream, delayed, dead = base .. ':stream', base .. ':delayed', base .. ':dead'
local group = 'workers'

local function task_key(id) return base .. ':task:' .. id end
local function message_key(id) return base .. ':message:' .. id end

local function now_ms()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

local tally = {}
local function count(what) tally[what] = (tally[what] or 0) + 1 end

local told = {}
local function tell(waiters, ...)
  for client in string.gmatch(waiters or '', '[^\n]+') do
    local key = base .. ':reply:' .. client
    redis.call('XADD', key, '*', ...)
    told[key] = true
  end
end

-- Deliveries that are over: both commands once for all of them.
local over = {}
local function drop(entry)
  if string.find(entry, '^%d+%-%d+$') then over[#over + 1] = entry end
end
local function drop_all()
  if #over > 0 then
    redis.call('XACK', stream, group, unpack(over))
    redis.call('XDEL', stream, unpack(over))
    over = {}
  end
end

local function settle()
  drop_all()
  for key in pairs(told) do redis.call('PEXPIRE', key, 3600000) end
  for what, n in pairs(tally) do redis.call('HINCRBY', base .. ':counts', what, n) end
end
)lua";

/// How tasks end, and what becomes of their messages.
inline constexpr std::string_view lua_ends = R"lua(
local function task_of(id)
  return redis.call('HMGET', task_key(id), 'state', 'entry', 'waiters', 'keep', 'ended', 'cancel')
end
local function has_ended(task) return task[1] and task[1] ~= 'queued' end

-- The first end is the one that counts: a second delivery, or a retry that is delayed, goes.
local function end_task(id, task, entry, outcome, payload)
  local key = task_key(id)
  redis.call('HSET', key, 'state', outcome, 'payload', payload, 'ended', entry)
  redis.call('PEXPIRE', key, task[4] or 3600000)
  if task[2] == '' then
    redis.call('ZREM', delayed, id)
    redis.call('DEL', message_key(id))
  elseif task[2] and task[2] ~= entry then
    drop(task[2])
  end
  count(outcome == 'value' and 'finished' or 'failed')
  tell(task[3], 'id', id, 'outcome', outcome, 'payload', payload)
end

-- Of an entry that anybody may have written: never more than unpack() takes.
local function fields_of(entry)
  local found = redis.call('XRANGE', stream, entry, entry)[1]
  if not found then return nil end
  local fields = found[2]
  for i = #fields, 201, -1 do fields[i] = nil end
  return fields
end
local function value_in(fields, name)
  for i = 1, #fields, 2 do
    if fields[i] == name then return fields[i + 1] end
  end
end
local function set_in(fields, name, value)
  for i = 1, #fields, 2 do
    if fields[i] == name then
      fields[i + 1] = value
      return
    end
  end
  fields[#fields + 1] = name
  fields[#fields + 1] = value
end

-- Makes it a dead letter.
local function bury(id, task, entry, reason, payload, attempt)
  local fields = fields_of(entry)
  if not fields and task[2] then
    fields = task[2] == '' and redis.call('HGETALL', message_key(id)) or fields_of(task[2])
  end
  if fields and #fields > 0 then
    if attempt then set_in(fields, 'attempt', attempt) end
    redis.call('XADD', dead, '*', 'reason', reason, 'payload', payload, 'died', now_ms(),
               unpack(fields))
    drop(entry)
    if not task[1] then count('failed') end
  end
  if task[1] then end_task(id, task, entry, 'dead', payload) end
end

-- A delivery of which nobody has come back.
local function put_back(entry, most, reason, payload)
  local fields = fields_of(entry)
  drop(entry)
  if not fields then return end
  local id = value_in(fields, 'id')
  if not id then return bury('', {}, entry, 'it has no field "id"', payload) end
  local task = task_of(id)
  if has_ended(task) then return end
  count('redelivered')
  if task[6] then return end_task(id, task, entry, 'cancelled', '') end
  local times = (tonumber(value_in(fields, 'redelivered') or '') or 0) + 1
  if times >= most then return bury(id, task, entry, reason, payload) end
  set_in(fields, 'redelivered', times)
  local again = redis.call('XADD', stream, '*', unpack(fields))
  redis.call('HSET', task_key(id), 'state', 'queued', 'entry', again)
end
)lua";

/// The shortest time for which a worker of the queue may be silent, in a key of its own, so that
/// tending need not ask each worker.
inline constexpr std::string_view lua_patience = R"lua(
local function note_patience(key, introduction)
  local its = tonumber(string.match(introduction, '^%d+ (%d+)') or '')
  local known = tonumber(redis.call('GET', key) or '')
  if its and (not known or its < known) then redis.call('SET', key, its) end
end
)lua";

/// Keeps a message whose values begin at an argument.
inline constexpr std::string_view lua_keep = R"lua(
local function fields_at(i)
  return 'id', ARGV[i], 'task', ARGV[i + 1], 'version', ARGV[i + 2], 'args', ARGV[i + 3],
         'reply', ARGV[i + 4], 'attempt', ARGV[i + 5], 'redelivered', ARGV[i + 6],
         'max_attempts', ARGV[i + 7], 'first_delay_ms', ARGV[i + 8],
         'longest_delay_ms', ARGV[i + 9], 'keep_ms', ARGV[i + 10]
end

-- Returns its entry, "" if it is delayed.
local function keep_message(i, delay)
  if delay == '0' then return redis.call('XADD', stream, '*', fields_at(i)) end
  redis.call('ZADD', delayed, now_ms() + delay, ARGV[i])
  redis.call('HSET', message_key(ARGV[i]), fields_at(i))
  return ''
end
)lua";

/// What the stream's group has.
inline constexpr std::string_view lua_group = R"lua(
local function value_of(flat, name)
  for i = 1, #flat, 2 do
    if flat[i] == name then return flat[i + 1] end
  end
end

-- How many messages workers have, and of which worker how many.
local function running()
  local summary = redis.pcall('XPENDING', stream, group)
  if summary.err then return 0, {} end  -- nobody has claimed anything yet
  local of = {}
  for _, consumer in ipairs(summary[4] or {}) do of[consumer[1]] = tonumber(consumer[2]) end
  return summary[1], of
end

-- What was never delivered stands behind what was.
local function waiting(most)
  local from = '-'
  local groups = redis.pcall('XINFO', 'GROUPS', stream)
  for _, flat in ipairs(groups.err and {} or groups) do
    if value_of(flat, 'name') == group then from = '(' .. value_of(flat, 'last-delivered-id') end
  end
  return redis.call('XRANGE', stream, from, '+', 'COUNT', most)
end

local function queued()
  local total = redis.call('XLEN', stream) - (running())
  return math.max(total, 0) + redis.call('ZCARD', delayed)
end
)lua";

}  // namespace asyncio::cluster::detail
