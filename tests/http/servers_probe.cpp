#include "servers_probe.hpp"

#include "support/errors.hpp"
#include "support/sanitizers.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <string>

namespace probe {

using namespace std::chrono_literals;

std::string_view where(const char* name) {
  const std::string variable = std::string("SERVERS_") + name;
  const char* const url = std::getenv(variable.c_str());
  if (url == nullptr) throw std::runtime_error(variable + " is not set; run servers.py");
  return url;
}

std::string file(std::string_view name) { return fmt::format("{}/{}", where("FOLDER"), name); }

std::string numbered(std::size_t size, std::size_t from) {
  constexpr std::size_t line = 16;
  std::string next = fmt::format("{:015}\n", from / line);
  std::string text;
  text.reserve(size + 2 * line);
  while (text.size() < size + from % line) {
    text += next;
    std::size_t digit = line - 2;  // counted by hand: two million lines are formatted too slowly
    while (++next[digit] > '9') next[digit--] = '0';
  }
  return text.substr(from % line, size);
}

std::string connection(const asyncio::http::Response& answer) {
  return std::string(answer.headers.value("X-Connection"));
}

asyncio::Coro<> control(const char* what) {
  const std::string url = fmt::format("{}/control?do={}", where("ORIGIN"), what);
  const asyncio::http::Client client({.timeout = asyncio::http::Timeout::all(30s)});
  const asyncio::http::Response answer = co_await client.get(url);
  answer.raise_for_status();
}

double peak() {
  std::ifstream status("/proc/self/status");
  std::string word;
  while (status >> word && word != "VmHWM:") {
  }
  double kilobytes = 0;
  status >> kilobytes;
  return kilobytes / 1024;
}

void begin_peak() { std::ofstream("/proc/self/clear_refs") << 5; }

std::string type_of(const std::string& error) { return error.substr(0, error.find(':', 6)); }
bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

void run(asyncio::Coro<> body) { asyncio::run(asyncio::wait_for(std::move(body), 50s)); }

}  // namespace probe
