#include "cluster/names.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <random>

namespace asyncio::cluster::detail {
namespace {

// Of anything else than letters, digits, dots and hyphens it would be hard to see the end.
std::string host_name() {
  std::array<char, 65> text{};
  if (::gethostname(text.data(), text.size() - 1) != 0) return "host";
  std::string name = text.data();
  std::replace_if(
      name.begin(), name.end(),
      [](char c) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || c == '.' || c == '-';
        return !plain;
      },
      '-');
  return name.empty() ? "host" : name;
}

}  // namespace

std::string new_name() {
  std::random_device random;
  const std::uint64_t high = random();
  return fmt::format("{}-{}-{:08x}{:08x}", host_name(), ::getpid(),
                     static_cast<std::uint32_t>(high), random());
}

}  // namespace asyncio::cluster::detail
