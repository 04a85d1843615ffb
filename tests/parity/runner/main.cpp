// Reads programs from standard input, each ended by a line ".", and writes the trace of each to
// standard output, ended likewise. Exits with 2 at the first program that is none, and with 3 when
// one does not come to its end.

#include "machine.hpp"

#include <asyncio/log.hpp>

#include <unistd.h>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <string>

namespace {

constexpr unsigned seconds_for_a_program = 10;

void give_up(int) { _exit(3); }

bool read_program(std::string& text) {
  text.clear();
  for (std::string line; std::getline(std::cin, line);) {
    if (line == ".") return true;
    text += line + "\n";
  }
  return false;
}

}  // namespace

int main() {
  std::ios::sync_with_stdio(false);
  asyncio::set_log_sink([](asyncio::LogLevel, std::string_view) {});
  std::signal(SIGALRM, &give_up);
  try {
    for (std::string text; read_program(text);) {
      alarm(seconds_for_a_program);
      const std::vector<parity::Node> program = parity::parse(text);
      std::cout << parity::Machine(program).run() << ".\n" << std::flush;
    }
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 2;
  }
}
