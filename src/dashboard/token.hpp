#pragma once

#include <string>
#include <string_view>

namespace asyncio::dashboard {

/// 128 random bits of the kernel's in hexadecimal. Throws: std::system_error.
[[nodiscard]] std::string make_token();

/// Takes as long wherever they differ, so that a token cannot be guessed digit by digit.
[[nodiscard]] bool same_token(std::string_view given, std::string_view right) noexcept;

}  // namespace asyncio::dashboard
