#pragma once

#include "support/dashboard.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace support {

using Json = nlohmann::json;

/// Reads server-sent events that are sent in chunks, each with a line of JSON.
class EventReader {
 public:
  explicit EventReader(HttpClient client) : client_(std::move(client)) {}

  asyncio::Coro<> ask(const DashboardSite& site, std::string target) {
    return ask(site.port(), site.bearer(), std::move(target));
  }
  asyncio::Coro<> ask(std::uint16_t port, std::string lines, std::string target) {
    client_.send("GET " + target + " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(port) + "\r\n" +
                 lines + "\r\n");
    const std::string head = co_await client_.reader().readuntil("\r\n\r\n");
    if (!head.starts_with("HTTP/1.1 200 ")) throw std::runtime_error("not 200: " + head);
    EXPECT_NE(head.find("Content-Type: text/event-stream"), std::string::npos) << head;
  }

  /// The data of the next event of that name; others are passed over.
  asyncio::Coro<Json> next(std::string name) {
    for (;;) {
      std::size_t end = text_.find("\n\n");
      while (end == std::string::npos) {
        text_ += co_await client_.chunk();
        end = text_.find("\n\n");
      }
      const std::string event = text_.substr(0, end);
      text_.erase(0, end + 2);
      if (event.find("event: " + name + "\n") == std::string::npos) continue;
      const std::size_t data = event.find("data: ");
      if (data == std::string::npos) throw std::runtime_error("no data: " + event);
      co_return Json::parse(event.substr(data + 6));
    }
  }
  /// Reads an event, if the connection has not ended.
  asyncio::Coro<bool> has_next() {
    Json event;
    try {
      event = co_await next("look");
    } catch (const asyncio::IncompleteReadError&) {
      co_return false;
    } catch (const std::system_error&) {
      co_return false;
    }
    co_return true;
  }
  [[nodiscard]] asyncio::Coro<> close() const { return client_.close(); }
  void abort() const { client_.abort(); }

 private:
  HttpClient client_;
  std::string text_;
};

}  // namespace support
