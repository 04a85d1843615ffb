#include <asyncio/http.hpp>

#include <fmt/format.h>

namespace asyncio::http::detail {

// Declared in http_json.hpp, which needs nlohmann's header.
[[noreturn]] void throw_no_json(const Response& response, const char* why) {
  throw DecodingError(response.method, response.url.str(), fmt::format("not JSON: {}", why));
}

}  // namespace asyncio::http::detail
