#include "cluster/redis_script.hpp"

#include "cluster/redis_lua_client.hpp"
#include "cluster/redis_lua_parts.hpp"
#include "cluster/redis_lua_worker.hpp"

#include <fmt/format.h>
#include <openssl/sha.h>

#include <initializer_list>
#include <utility>

namespace asyncio::cluster::detail {

namespace {

std::string sha1(std::string_view text) {
  unsigned char digest[SHA_DIGEST_LENGTH];
  ::SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  std::string hex;
  for (const unsigned char byte : digest) hex += fmt::format("{:02x}", byte);
  return hex;
}

RedisScript script(std::initializer_list<std::string_view> parts) {
  std::string source;
  for (const std::string_view part : parts) source += part;
  return RedisScript(std::move(source));
}

}  // namespace

RedisScript::RedisScript(std::string source) : source_(std::move(source)), sha_(sha1(source_)) {}

RedisScripts::RedisScripts()
    : publish(script({lua_common, lua_keep, lua_group, lua_publish})),
      claim(script({lua_patience, lua_claim})),
      extend(script({lua_common, lua_patience, lua_extend})),
      finish(script({lua_common, lua_ends, lua_finish})),
      fail(script({lua_common, lua_ends, lua_fail})),
      delay(script({lua_common, lua_ends, lua_keep, lua_delay})),
      report(script({lua_common, lua_report})),
      tend(script({lua_common, lua_ends, lua_tend})),
      leave(script({lua_common, lua_ends, lua_leave})),
      cancel(script({lua_common, lua_ends, lua_cancel})),
      status(script({lua_common, lua_group, lua_status})),
      queued(script({lua_common, lua_group, lua_queued})),
      requeue(script({lua_common, lua_ends, lua_requeue})),
      drain(script({lua_common, lua_ends, lua_group, lua_drain})),
      limit_rate(script({lua_common, lua_limit_rate})) {}

const RedisScripts& redis_scripts() {
  static const RedisScripts all;
  return all;
}

}  // namespace asyncio::cluster::detail
