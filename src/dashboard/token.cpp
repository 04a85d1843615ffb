#include "dashboard/token.hpp"

#include <sys/random.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <system_error>

namespace asyncio::dashboard {

std::string make_token() {
  std::array<unsigned char, 16> bits{};
  std::size_t filled = 0;
  while (filled < bits.size()) {
    const ssize_t got = ::getrandom(bits.data() + filled, bits.size() - filled, 0);
    if (got > 0) filled += static_cast<std::size_t>(got);
    if (got < 0 && errno != EINTR) {
      throw std::system_error(errno, std::system_category(), "dashboard: getrandom() for a token");
    }
  }
  std::string token;
  for (const unsigned char byte : bits) {
    constexpr char digits[] = "0123456789abcdef";
    token += digits[byte >> 4];
    token += digits[byte & 15];
  }
  return token;
}

bool same_token(std::string_view given, std::string_view right) noexcept {
  unsigned different = given.size() == right.size() ? 0 : 1;
  for (std::size_t i = 0; i < right.size(); ++i) {
    const char other = i < given.size() ? given[i] : '\0';
    different |= static_cast<unsigned char>(other) ^ static_cast<unsigned char>(right[i]);
  }
  return different == 0;
}

}  // namespace asyncio::dashboard
