#include "cluster/redis_connect.hpp"

#include <asyncio/error.hpp>
#include <asyncio/resolver.hpp>
#include <asyncio/wait_for.hpp>

#include "cluster/redis_command.hpp"
#include "net/lookup.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <string>
#include <system_error>
#include <vector>

namespace asyncio::cluster::detail {

namespace {

/// The server knows who asks, and says no.
class LoginRefused : public std::system_error {
 public:
  explicit LoginRefused(const std::string& text)
      : std::system_error(std::make_error_code(std::errc::permission_denied), text) {}
};

Coro<Connection> connect(const RedisSettings& settings) {
  const RedisAddress& address = settings.address;
  ConnectionOptions options;
  if (address.host.empty()) {
    Connection made = co_await open_unix_connection(address.path, options);
    co_return made;
  }
  if (address.tls) {
    options.ssl = &*settings.ssl;
    options.ssl_handshake_timeout = settings.connect_timeout;
  }
  Connection made = co_await open_connection(address.host, address.port, options);
  co_return made;
}

Coro<RedisReply> read_reply(RedisStream& stream) {
  for (;;) {
    auto reply = stream.replies.next();
    if (reply) co_return *reply;
    const std::string bytes = co_await stream.connection.reader.read(4096);
    if (bytes.empty()) {
      throw std::system_error(std::make_error_code(std::errc::connection_reset),
                              "the connection has ended while logging in");
    }
    stream.replies.feed(bytes);
  }
}

Coro<RedisReply> ask(RedisStream& stream, RedisCommand command) {
  stream.connection.writer.write(command.bytes());
  RedisReply reply = co_await read_reply(stream);
  const std::string_view text = reply.text();
  // It is there, and will be ready soon.
  if (reply.is_error() && (text.starts_with("LOADING") || text.starts_with("BUSY"))) {
    throw std::system_error(std::make_error_code(std::errc::resource_unavailable_try_again),
                            std::string(text));
  }
  co_return reply;
}

[[noreturn]] void refuse_login(const RedisSettings& settings, std::string_view text) {
  throw LoginRefused(
      fmt::format("RedisBroker: {} refuses the login: {}; give user and password as in "
                  "\"redis://USER:PASSWORD@HOST\"",
                  settings.address.shown(), text));
}

Coro<> log_in(RedisStream& stream, const RedisSettings& settings) {
  const RedisAddress& address = settings.address;
  if (address.user.empty() && address.password.empty()) co_return;
  RedisCommand command = address.user.empty()
                             ? RedisCommand({"AUTH", address.password})
                             : RedisCommand({"AUTH", address.user, address.password});
  const RedisReply reply = co_await ask(stream, std::move(command));
  if (reply.is_error()) refuse_login(settings, reply.text());
}

Coro<> select_database(RedisStream& stream, const RedisSettings& settings) {
  if (settings.address.database == 0) co_return;
  const std::string number = std::to_string(settings.address.database);
  RedisCommand command({"SELECT", number});
  const RedisReply reply = co_await ask(stream, std::move(command));
  if (!reply.is_error()) co_return;
  if (reply.text().starts_with("NOAUTH")) refuse_login(settings, reply.text());
  asyncio::detail::throw_runtime_error(fmt::format("RedisBroker: {} has no database {}: {}",
                                                   settings.address.shown(), number, reply.text()));
}

struct Version {
  unsigned major = 0;
  unsigned minor = 0;
};

Version version_in(std::string_view info) noexcept {
  constexpr std::string_view key = "redis_version:";
  Version version;
  const std::size_t at = info.find(key);
  if (at == std::string_view::npos) return version;
  const char* const end = info.data() + info.size();
  const auto major = std::from_chars(info.data() + at + key.size(), end, version.major);
  if (major.ptr != end) std::from_chars(major.ptr + 1, end, version.minor);
  return version;
}

Coro<> check_version(RedisStream& stream, const RedisSettings& settings) {
  RedisCommand command({"INFO", "server"});
  const RedisReply reply = co_await ask(stream, std::move(command));
  if (reply.is_error()) co_return;  // the user may not ask; what is missing will be told later
  const Version version = version_in(reply.text());
  if (version.major > 6 || (version.major == 6 && version.minor >= 2)) co_return;
  asyncio::detail::throw_runtime_error(
      fmt::format("RedisBroker: {} is Redis {}.{}; it must be 6.2 or newer",
                  settings.address.shown(), version.major, version.minor));
}

Coro<> learn_client_id(RedisStream& stream, const RedisSettings& settings) {
  RedisCommand command({"CLIENT", "ID"});
  const RedisReply reply = co_await ask(stream, std::move(command));
  if (reply.is_error() && reply.text().starts_with("NOAUTH")) {
    refuse_login(settings, reply.text());
  }
  stream.client_id = reply.integer();
}

Coro<std::unique_ptr<RedisStream>> open_and_log_in(const RedisSettings& settings) {
  Connection made = co_await connect(settings);
  auto stream = std::make_unique<RedisStream>(std::move(made));
  co_await log_in(*stream, settings);
  co_await select_database(*stream, settings);
  co_await learn_client_id(*stream, settings);
  co_await check_version(*stream, settings);
  co_return stream;
}

bool name_is_unknown(const std::exception_ptr& error) noexcept {
  try {
    std::rethrow_exception(error);
  } catch (const gaierror& e) {
    return e.code().value() != EAI_AGAIN && e.code().value() != EAI_MEMORY;
  } catch (...) {
    return false;
  }
}

}  // namespace

Coro<std::unique_ptr<RedisStream>> open_redis(const RedisSettings& settings) {
  auto stream = co_await wait_for(open_and_log_in(settings), settings.connect_timeout);
  co_return stream;
}

bool is_final(const std::exception_ptr& error) noexcept {
  using asyncio::detail::holds;
  if (holds<ssl::SSLEOFError>(error)) return false;  // it may be restarting
  return name_is_unknown(error) || holds<LoginRefused>(error) || holds<ssl::SSLError>(error) ||
         holds<std::logic_error>(error);
}

}  // namespace asyncio::cluster::detail
