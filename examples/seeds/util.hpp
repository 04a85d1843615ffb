#pragma once

// What the documents import from their `util`, and the two builtins that they use: print and type.

#include <asyncio/asyncio.hpp>

#include <cxxabi.h>

#include <chrono>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>
#include <typeinfo>
#include <vector>

/// Python's print(): a blank between the arguments, a line break at the end, written at once, so
/// that lines of several threads do not mix.
template <class... Args>
void print(const Args&... args) {
  std::ostringstream line;
  const char* separator = "";
  ((line << separator << args, separator = " "), ...);
  line << '\n';
  std::cout << line.str() << std::flush;
}

/// Python's type(x), as C++ spells it.
template <class T>
std::string type(const T&) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> name(
      abi::__cxa_demangle(typeid(T).name(), nullptr, nullptr, &status), &std::free);
  return name.get();
}

/// "['foo', 'foo']", as Python prints a list of strings.
inline std::string list(const std::vector<std::string>& items) {
  std::string text = "[";
  for (const std::string& item : items) text += (text == "[" ? "'" : ", '") + item + "'";
  return text + "]";
}

/// "2.00", as Python's {:.2f}.
inline std::string fixed(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

/// "2023-04-27 14:29:00"
inline std::string current_time() {
  const std::time_t now = std::time(nullptr);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", std::localtime(&now));
  return text;
}

/// Python's time.time(), but by the loop's clock: it is the one that a virtual clock moves.
inline double loop_time() { return asyncio::get_running_loop().time().since_epoch().seconds(); }

inline asyncio::Coro<int> delay(int delay_seconds) {
  print("sleeping for", delay_seconds, "second(s)");
  co_await asyncio::sleep(std::chrono::seconds(delay_seconds));
  print("finished sleeping for", delay_seconds, "second(s)");
  co_return delay_seconds;
}
