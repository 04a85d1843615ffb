#pragma once

#include <asyncio/http.hpp>

#include <nlohmann/json.hpp>

#include <string>

namespace asyncio::http {

namespace detail {
[[noreturn]] void throw_no_json(const Response& response, const char* why);
}

/// The body as JSON.
///
///     const auto repo = asyncio::http::json(answer);
///     std::cout << repo["stargazers_count"];
///
/// Python: Response.json()
/// Throws: DecodingError with method, URL and the place in the text.
[[nodiscard]] inline nlohmann::json json(const Response& response) {
  try {
    return nlohmann::json::parse(response.content);
  } catch (const nlohmann::json::parse_error& error) {
    detail::throw_no_json(response, error.what());
  }
}

}  // namespace asyncio::http
