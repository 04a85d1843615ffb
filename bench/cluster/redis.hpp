#pragma once

#include "rows.hpp"

#include <hiredis.h>

#include <cstdlib>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

/// hiredis as it is: a connection that blocks, to which commands are appended.
namespace bench {

struct FreeReply {
  void operator()(redisReply* reply) const noexcept { freeReplyObject(reply); }
};
using Reply = std::unique_ptr<redisReply, FreeReply>;

inline std::string_view text(const redisReply& reply) { return {reply.str, reply.len}; }
inline const redisReply& at(const redisReply& array, std::size_t i) {
  require(array.type == REDIS_REPLY_ARRAY && i < array.elements, "an array of that length");
  return *array.element[i];
}

/// The arguments of a command. Lifetime: of the texts nothing is copied.
class Command {
 public:
  Command(std::initializer_list<std::string_view> arguments) { add(arguments); }

  void add(std::initializer_list<std::string_view> arguments) {
    for (const std::string_view argument : arguments) {
      texts_.push_back(argument.data());
      sizes_.push_back(argument.size());
    }
  }
  void append_to(redisContext* to) {
    const int done =
        redisAppendCommandArgv(to, static_cast<int>(texts_.size()), texts_.data(), sizes_.data());
    require(done == REDIS_OK, "redisAppendCommandArgv");
  }

 private:
  std::vector<const char*> texts_;
  std::vector<std::size_t> sizes_;
};

class Connection {
 public:
  /// redis://HOST:PORT
  explicit Connection(std::string_view url) {
    constexpr std::string_view scheme = "redis://";
    const std::size_t colon = url.rfind(':');
    require(url.starts_with(scheme) && colon > scheme.size(), "the URL: redis://HOST:PORT");
    const std::string host(url.substr(scheme.size(), colon - scheme.size()));
    context_.reset(redisConnect(host.c_str(), std::atoi(url.data() + colon + 1)));
    require(context_ != nullptr && context_->err == 0, "connecting to Redis");
  }

  void append(Command command) { command.append_to(context_.get()); }
  /// Sends what was appended, without waiting for an answer.
  void send() {
    int done = 0;
    while (done == 0) require(redisBufferWrite(context_.get(), &done) == REDIS_OK, "write");
  }
  /// Sends what was appended, if no answer is here yet.
  Reply get() {
    void* reply = nullptr;
    require(redisGetReply(context_.get(), &reply) == REDIS_OK, context_->errstr);
    Reply got(static_cast<redisReply*>(reply));
    require(got->type != REDIS_REPLY_ERROR, got->str);
    return got;
  }
  Reply ask(Command command) {
    append(std::move(command));
    return get();
  }

 private:
  struct Free {
    void operator()(redisContext* context) const noexcept { redisFree(context); }
  };
  std::unique_ptr<redisContext, Free> context_;
};

}  // namespace bench
