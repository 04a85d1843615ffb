#pragma once

// What the tests of servers_probe share. The servers are started by servers.py, which says in the
// environment where they are.

#include <asyncio/asyncio.hpp>
#include <asyncio/http.hpp>

#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <string_view>

namespace probe {

/// "http://127.0.0.1:PORT" of SERVERS_NAME.
std::string_view where(const char* name);
/// A file that servers.py has made.
std::string file(std::string_view name);

/// What the files of the servers consist of: lines with their numbers. From the byte `from` on.
std::string numbered(std::size_t size, std::size_t from = 0);

/// Limits::keepalive_expiry of who wants the same connection again: a sanitizer makes the work in
/// between slow.
inline constexpr std::chrono::minutes long_enough{1};

/// nginx's number of the connection.
std::string connection(const asyncio::http::Response& answer);

/// Does something to the servers: "stop", "start", "restart" nginx.
asyncio::Coro<> control(const char* what);

/// The most memory that this process has had since the last begin_peak(). Units: MiB.
double peak();
void begin_peak();

/// The name of the type in the text of an error: "http::ReadError".
std::string type_of(const std::string& error);
bool has(std::string_view text, std::string_view part);

/// In real time, on the loop that ASYNCIO_BACKEND names, and not for ever.
void run(asyncio::Coro<> body);

}  // namespace probe

#define SERVERS_TEST(name)                           \
  static asyncio::Coro<> name##_body();              \
  TEST(Servers, name) { probe::run(name##_body()); } \
  static asyncio::Coro<> name##_body()
