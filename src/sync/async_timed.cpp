#include <asyncio/async_timed.hpp>

#include "base/text.hpp"

#include <fmt/format.h>

#include <cstdio>

namespace asyncio::detail {

Stopwatch::Stopwatch(std::string what, const std::string& with_args)
    : what_(std::move(what)), began_(running_scheduler("async_timed()").now()) {
  fmt::print("starting {}{}\n", what_, with_args);
}

void Stopwatch::end() const {
  const std::int64_t took = running_scheduler("async_timed()").now() - began_;
  fmt::print("finished {} in {:.2f} seconds\n", what_, static_cast<double>(took) / 1e9);
}

std::string what_of_function(std::string_view name, const void* address) {
  return fmt::format("<function {} at {}>", name, address);
}

std::string describe_number(long long n) { return fmt::format("{}", n); }
std::string describe_number(unsigned long long n) { return fmt::format("{}", n); }
std::string describe_number(double n) { return fmt::format("{}", n); }
std::string describe_text(std::string_view text) { return fmt::format("'{}'", text); }
std::string describe_duration(Duration d) { return fmt::format("{:g}s", d.seconds()); }
std::string describe_type(const char* pretty) { return fmt::format("<{}>", readable_type(pretty)); }

}  // namespace asyncio::detail
