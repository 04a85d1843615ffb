// What bench/inspections.py looks into. `many N`: so many tasks that sleep; prints "ready".
// `idle N`: a server of so many connections on which nobody says anything; prints "ready". `churn`:
// creates and ends tasks as fast as it can, and prints a line now and then: nanoseconds of the
// clock, nanoseconds of CPU time, tasks until then.
#include <asyncio/asyncio.hpp>

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

using namespace std::chrono_literals;

namespace {

std::int64_t nanoseconds(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

asyncio::Coro<> sleeps() { co_await asyncio::sleep(24h); }

asyncio::Coro<> many(std::size_t count) {
  std::vector<asyncio::Task<>> tasks;
  tasks.reserve(count);
  for (std::size_t i = 0; i < count; ++i) tasks.push_back(asyncio::create_task(sleeps()));
  co_await asyncio::sleep(100ms);
  std::puts("ready");
  std::fflush(stdout);
  co_await asyncio::sleep(24h);
}

void allow_descriptors(rlim_t count) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const rlimit wanted{count, std::max(count, limit.rlim_max)};  // root may raise both
  if (::setrlimit(RLIMIT_NOFILE, &wanted) == 0) return;
  throw std::runtime_error("the system allows this process " + std::to_string(limit.rlim_max) +
                           " descriptors, and " + std::to_string(count) +
                           " are needed; raise the hard limit (ulimit -Hn)");
}

// A client that has no part in the loop.
void connect_to(const std::string& path) {
  const int client = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  if (client < 0 ||
      ::connect(client, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    throw std::runtime_error(std::string("connect(): ") + std::strerror(errno));
  }
}

asyncio::Coro<> waits_for_a_word(asyncio::StreamReader reader, asyncio::StreamWriter) {
  const std::string word = co_await reader.read(100);
}

asyncio::Coro<> idle(std::size_t count) {
  allow_descriptors(2 * count + 100);
  const std::string path = "/tmp/asyncio-idle-" + std::to_string(::getpid());
  auto server = co_await asyncio::start_unix_server(waits_for_a_word, path);
  for (std::size_t i = 0; i < count; ++i) {
    connect_to(path);
    if (i % 50 == 0) co_await asyncio::sleep(1ms);  // the server's turn, before its line is full
  }
  co_await asyncio::sleep(1s);
  ::unlink(path.c_str());
  std::puts("ready");
  std::fflush(stdout);
  co_await asyncio::sleep(24h);
}

asyncio::Coro<> inner() { co_await asyncio::sleep(0s); }
asyncio::Coro<> lives() { co_await inner(); }

asyncio::Coro<> churn() {
  constexpr int batch = 1000;
  constexpr std::int64_t between = 20'000'000;
  std::vector<asyncio::Task<>> tasks;
  tasks.reserve(batch);
  std::int64_t told = 0;
  for (std::uint64_t count = 0;; count += batch) {
    for (int i = 0; i < batch; ++i) tasks.push_back(asyncio::create_task(lives()));
    for (auto& task : tasks) co_await task;
    tasks.clear();
    const std::int64_t now = nanoseconds(CLOCK_MONOTONIC);
    if (now - told < between) continue;
    told = now;
    std::printf("%lld %lld %llu\n", static_cast<long long>(now),
                static_cast<long long>(nanoseconds(CLOCK_PROCESS_CPUTIME_ID)),
                static_cast<unsigned long long>(count));
    std::fflush(stdout);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view mode = argc > 1 ? argv[1] : "";
  if (mode == "many" && argc > 2) {
    asyncio::run(many(std::strtoull(argv[2], nullptr, 10)));
  } else if (mode == "idle" && argc > 2) {
    asyncio::run(idle(std::strtoull(argv[2], nullptr, 10)));
  } else if (mode == "churn") {
    asyncio::run(churn());
  } else {
    std::fprintf(stderr, "usage: bench_inspected many N | idle N | churn\n");
    return 2;
  }
}
