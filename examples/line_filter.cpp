// A filter between two pipes, terminals or files: numbers the lines, or makes them upper case.
#include <asyncio/asyncio.hpp>
#include <asyncio/stdio.hpp>

#include "command_line.hpp"

#include <unistd.h>

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

std::string upper(std::string line) {
  for (char& c : line) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return line;
}

asyncio::Coro<> number_lines() {
  auto in = asyncio::stdin_reader();
  auto out = asyncio::stdout_writer();
  int number = 0;
  while (auto line = co_await in.next_line()) {
    out.writelines({std::to_string(++number), ": ", *line});
    co_await out.drain();  // throws when nobody reads any more, as after `| head -1`
  }
}

asyncio::Coro<> upper_lines() {
  auto in = asyncio::stdin_reader();
  auto out = asyncio::stdout_writer();
  while (auto line = co_await in.next_line()) {
    out.write(upper(std::move(*line)));
    co_await out.drain();
  }
}

// Standard input becomes a pipe with three lines in it.
asyncio::Coro<> demonstrate() {
  int ends[2];
  if (::pipe(ends) != 0 || ::dup2(ends[0], 0) != 0) throw std::runtime_error("no pipe");
  constexpr std::string_view text = "to be\nor not to be\nthat is the question\n";
  if (::write(ends[1], text.data(), text.size()) < 0) throw std::runtime_error("a broken pipe");
  ::close(ends[0]);
  ::close(ends[1]);
  co_await number_lines();
}

asyncio::Coro<> async_main(command_line::Args args) {
  if (args.empty()) {
    co_await demonstrate();
  } else if (args.size() == 1 && args[0] == "number") {
    co_await number_lines();
  } else if (args.size() == 1 && args[0] == "upper") {
    co_await upper_lines();
  } else {
    throw command_line::Usage("line_filter [number | upper]  (without: a demonstration)");
  }
}

int main(int argc, char** argv) { return command_line::run(argc, argv, async_main); }
