#pragma once

// What the examples of the network share: their arguments, and errors in one line.

#include <asyncio/asyncio.hpp>

#include <charconv>
#include <cstdint>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace command_line {

using Args = std::vector<std::string_view>;

/// "usage: echo_server PORT"
struct Usage : std::invalid_argument {
  explicit Usage(const std::string& text) : std::invalid_argument("usage: " + text) {}
};

template <class Number>
Number number(std::string_view text, Number least, Number most, const std::string& what) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size() && value >= least && value <= most) {
    return value;
  }
  throw std::invalid_argument(what + " is a number from " + std::to_string(least) + " to " +
                              std::to_string(most) + ", not \"" + std::string(text) + "\"");
}

inline std::uint16_t port(std::string_view text) {
  return number<std::uint16_t>(text, 0, 65535, "a port");
}

template <class F>
asyncio::Coro<int> with_errors_in_one_line(F& async_main, Args args) {
  try {
    co_await async_main(std::move(args));
    co_return 0;
  } catch (const Usage& usage) {
    std::cerr << usage.what() << std::endl;
    co_return 2;
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << std::endl;
    co_return 1;
  }
}

/// asyncio::run_main(), without the traceback that it prints of an error.
template <class F>
int run(int argc, char** argv, F async_main) {
  return asyncio::run_main(argc, argv, [&async_main](Args args) {
    return with_errors_in_one_line(async_main, std::move(args));
  });
}

}  // namespace command_line
