// What processes, pipes and files cost here.
#include <asyncio/asyncio.hpp>
#include <asyncio/subprocess.hpp>

#include "rows.hpp"

#include <string>
#include <vector>

using asyncio::Coro;
using asyncio::create_subprocess_exec;
using asyncio::subprocess::PIPE;
using asyncio::subprocess::Process;
using bench::require;

namespace {

constexpr std::size_t mebibyte = std::size_t{1} << 20;

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

template <Coro<> (*body)(long)>
void run(long n) {
  asyncio::run(body(n));
}

}  // namespace

int main(int argc, char** argv) {
  return bench::main(argc, argv,
                     {{"spawn", 300, &run<spawn>}, {"pipe", 1024, &run<pipe_cat>, nullptr, true}});
}
