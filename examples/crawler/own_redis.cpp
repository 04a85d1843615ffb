#include "own_redis.hpp"

#include <asyncio/asyncio.hpp>

#include <cstdlib>
#include <stdexcept>
#include <system_error>
#include <utility>
#include <vector>

namespace crawler {
namespace {

std::filesystem::path new_folder() {
  std::string path = std::filesystem::temp_directory_path() / "crawler-XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) {
    throw std::system_error(errno, std::generic_category(), "mkdtemp " + path);
  }
  return path;
}

// One that nobody has now.
std::uint16_t free_port() {
  asyncio::Socket socket(asyncio::Address::Family::ipv4);
  socket.bind({"127.0.0.1", 0});
  return socket.getsockname().port();
}

}  // namespace

OwnRedis::OwnRedis() : folder_(new_folder()), port_(free_port()) {}

OwnRedis::~OwnRedis() {
  process_.reset();  // if it still runs it is killed
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

asyncio::Coro<bool> OwnRedis::start() {
  const asyncio::Args command(std::vector<std::string>{
      "redis-server", "--port", std::to_string(port_), "--bind", "127.0.0.1", "--dir",
      folder_.string(), "--save", "", "--appendonly", "no", "--daemonize", "no"});
  // ^C is for us, and we stop it.
  const asyncio::subprocess::Options options{.stdin_ = asyncio::subprocess::DEVNULL,
                                             .stdout_ = asyncio::subprocess::PIPE,
                                             .stderr_ = asyncio::subprocess::STDOUT,
                                             .start_new_session = true};
  auto started = co_await asyncio::as_result(asyncio::create_subprocess_exec(command, options));
  if (!started) {
    try {
      std::rethrow_exception(started.error());
    } catch (const std::system_error& error) {
      if (error.code() != std::errc::no_such_file_or_directory) throw;
      co_return false;
    }
  }
  process_.emplace(std::move(started).value());
  co_await wait_until_ready();
  co_return true;
}

// What it says after that fits into the pipe.
asyncio::Coro<> OwnRedis::wait_until_ready() {
  std::string said;
  while (auto line = co_await process_->stdout_->next_line()) {
    if (line->find("eady to accept connections") != std::string::npos) co_return;
    said += *line + "\n";
  }
  throw std::runtime_error("redis-server has ended before it was ready:\n" + said);
}

asyncio::Coro<> OwnRedis::stop() {
  process_->terminate();
  co_await process_->communicate();
}

std::string OwnRedis::url() const { return "redis://127.0.0.1:" + std::to_string(port_); }

}  // namespace crawler
