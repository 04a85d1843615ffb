// A program as a filter: lines go to it and come back at the same time, and however many there are,
// neither side waits for the other for ever.
#include <asyncio/asyncio.hpp>
#include <asyncio/subprocess.hpp>

#include <iostream>
#include <string>

using asyncio::subprocess::PIPE;
using asyncio::subprocess::Process;

constexpr std::size_t ten_mebibytes = 10 << 20;
constexpr std::size_t line_length = 64;

// A few lines: written, and then read.
asyncio::Coro<> one_by_one() {
  Process upper = co_await asyncio::create_subprocess_shell("stdbuf -oL tr a-z A-Z",
                                                            {.stdin_ = PIPE, .stdout_ = PIPE});
  for (const char* line : {"to be,", "or not to be"}) {
    upper.stdin_->write(std::string(line) + "\n");
    co_await upper.stdin_->drain();
    std::cout << line << " -> " << co_await upper.stdout_->readline() << std::flush;
  }
  upper.stdin_->close();
  co_await upper.wait();
}

asyncio::Coro<> write_lines(asyncio::StreamWriter to) {
  const std::string line = std::string(line_length - 1, 'x') + "\n";
  for (std::size_t sent = 0; sent < ten_mebibytes; sent += line.size()) {
    to.write(line);
    co_await to.drain();  // waits while the pipe is full
  }
  to.close();
}

asyncio::Coro<std::size_t> count_lines(asyncio::StreamReader from) {
  std::size_t lines = 0;
  while (auto line = co_await from.next_line()) lines += line->starts_with('X') ? 1 : 0;
  co_return lines;
}

// Much: a pipe holds 64 KiB only, so who wrote all of it before he reads would wait for ever.
asyncio::Coro<> both_at_once() {
  Process upper = co_await asyncio::create_subprocess_shell("cat | tr a-z A-Z",
                                                            {.stdin_ = PIPE, .stdout_ = PIPE});
  auto [lines, unused] =
      co_await asyncio::gather(count_lines(*upper.stdout_), write_lines(*upper.stdin_));
  std::cout << lines << " lines came back, exit code " << co_await upper.wait() << std::endl;
}

// communicate() does the same with what is in memory.
asyncio::Coro<> in_memory() {
  Process sort =
      co_await asyncio::create_subprocess_exec({"sort", "-r"}, {.stdin_ = PIPE, .stdout_ = PIPE});
  const auto [sorted, unused] = co_await sort.communicate("one\ntwo\nthree\n");
  std::cout << *sorted;
}

asyncio::Coro<> async_main() {
  co_await one_by_one();
  co_await both_at_once();
  co_await in_memory();
}

int main(int argc, char** argv) { return asyncio::run_main(argc, argv, async_main); }
