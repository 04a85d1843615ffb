#include "cluster/redis_command.hpp"

#include <hiredis.h>

#include <cstdlib>
#include <new>

namespace asyncio::cluster::detail {

RedisCommand::RedisCommand(const std::vector<std::string_view>& arguments) {
  std::vector<const char*> texts;
  std::vector<std::size_t> sizes;
  texts.reserve(arguments.size());
  sizes.reserve(arguments.size());
  for (const std::string_view argument : arguments) {
    texts.push_back(argument.data());
    sizes.push_back(argument.size());
  }
  char* bytes = nullptr;
  const auto size = redisFormatCommandArgv(&bytes, static_cast<int>(arguments.size()), texts.data(),
                                           sizes.data());
  if (size < 0) throw std::bad_alloc();
  bytes_ = std::shared_ptr<char>(bytes, [](char* p) { redisFreeCommand(p); });
  size_ = static_cast<std::size_t>(size);
}

}  // namespace asyncio::cluster::detail
