// What processes, pipes and files cost here.
#include <asyncio/asyncio.hpp>
#include <asyncio/file.hpp>
#include <asyncio/process_pool.hpp>
#include <asyncio/subprocess.hpp>

#include "rows.hpp"

#include <cstdlib>
#include <string>
#include <vector>

using asyncio::Coro;
using asyncio::create_subprocess_exec;
using asyncio::subprocess::PIPE;
using asyncio::subprocess::Process;
using bench::require;

namespace {

constexpr std::size_t mebibyte = std::size_t{1} << 20;
constexpr std::size_t job_size = 64;

Coro<> spawn(long n) {
  for (long i = 0; i < n; ++i) {
    Process process = co_await create_subprocess_exec({"/bin/true"});
    require(co_await process.wait() == 0, "spawn");
  }
}

Coro<> write_all(asyncio::StreamWriter to, std::size_t size) {
  const std::string piece(mebibyte, 'x');
  for (std::size_t sent = 0; sent < size; sent += piece.size()) {
    to.write(piece);
    co_await to.drain();
  }
  to.close();
}

Coro<> read_all(asyncio::StreamReader from, std::size_t size) {
  std::vector<char> buffer(mebibyte);
  std::size_t got = 0;
  while (const std::size_t n = co_await from.read_into(std::span<char>(buffer))) got += n;
  require(got == size, "pipe");
}

Coro<> pipe_cat(long n) {
  const std::size_t size = static_cast<std::size_t>(n) * mebibyte;
  Process cat = co_await create_subprocess_exec({"/bin/cat"}, {.stdin_ = PIPE, .stdout_ = PIPE});
  co_await asyncio::gather(read_all(*cat.stdout_, size), write_all(*cat.stdin_, size));
  require(co_await cat.wait() == 0, "pipe");
}

std::string same(std::string job) { return job; }

Coro<> pool(long n) {
  asyncio::ProcessPoolExecutor one(1);
  const std::string job(job_size, 'x');
  auto& loop = asyncio::get_running_loop();
  for (long i = 0; i < n; ++i) {
    require(co_await loop.run_in_executor(one, same, job) == job, "pool");
  }
}

Coro<> file(std::size_t piece) {
  const char* path = std::getenv("BENCH_FILE");
  require(path != nullptr, "BENCH_FILE");
  asyncio::File file = co_await asyncio::open(path);
  std::vector<char> buffer(piece);
  std::size_t got = 0;
  while (const std::size_t n = co_await file.read_into(std::span<char>(buffer))) got += n;
  require(got == std::size_t{1} << 30, "file");
  co_await file.close();
}
Coro<> file_1m(long) { return file(mebibyte); }
Coro<> file_64k(long) { return file(mebibyte / 16); }

template <Coro<> (*body)(long)>
void run(long n) {
  asyncio::run(body(n));
}

}  // namespace

int main(int argc, char** argv) {
  return bench::main(argc, argv,
                     {{"spawn", 300, &run<spawn>},
                      {"pipe", 1024, &run<pipe_cat>, nullptr, true},
                      {"pool", 5000, &run<pool>},
                      {"file_1m", 1024, &run<file_1m>, nullptr, true},
                      {"file_64k", 1024, &run<file_64k>, nullptr, true}});
}
