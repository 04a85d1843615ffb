#pragma once

// A server that answers each path with bytes that a test has written down, right or wrong.

#include <asyncio/asyncio.hpp>

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace support {

class CannedServer {
 public:
  CannedServer() = default;
  CannedServer(const CannedServer&) = delete;
  CannedServer& operator=(const CannedServer&) = delete;

  asyncio::Coro<> start() {
    asyncio::Coro<asyncio::Server> starting = asyncio::start_server(
        [this](asyncio::StreamReader reader, asyncio::StreamWriter writer) {
          return serve(std::move(reader), std::move(writer));
        },
        "127.0.0.1", 0);
    server_.push_back(co_await std::move(starting));
  }
  asyncio::Coro<> stop() {
    server_.front().close();
    server_.front().abort_clients();
    co_await server_.front().wait_closed();
  }

  /// The whole answer, status line and all. "" hangs up; a path without one gets 404.
  void answer(const std::string& path, std::string bytes) { answers_[path] = std::move(bytes); }
  /// 200 with this body.
  void page(const std::string& path, std::string_view body, std::string_view more_headers = {}) {
    answer(path, ok(body, more_headers));
  }
  void never_answer(const std::string& path) { answers_[path] = silence; }
  static std::string ok(std::string_view body, std::string_view more_headers = {}) {
    return "HTTP/1.1 200 OK\r\n" + std::string(more_headers) +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
  }

  [[nodiscard]] std::uint16_t port() const { return server_.front().sockets().at(0).port(); }
  [[nodiscard]] std::string url(std::string_view path = "/") const {
    return "http://127.0.0.1:" + std::to_string(port()) + std::string(path);
  }
  /// Head and body of every request, in the order of their ends.
  std::vector<std::string> requests;
  int connections = 0;
  int lost = 0;  ///< connections that have ended

 private:
  static constexpr const char* silence = "silence";

  static std::size_t length_of(std::string_view head) {
    const std::size_t at = head.find("Content-Length: ");
    return at == std::string_view::npos
               ? 0
               : static_cast<std::size_t>(std::stoul(std::string(head.substr(at + 16, 12))));
  }

  static asyncio::Coro<std::string> chunks(asyncio::StreamReader reader) {
    std::string body;
    for (;;) {
      const std::string size = co_await reader.readuntil("\r\n");
      const auto n = static_cast<std::size_t>(std::stoul(size, nullptr, 16));
      const std::string chunk = co_await reader.readexactly(n + 2);
      if (n == 0) co_return body;
      body += chunk.substr(0, n);
    }
  }

  asyncio::Coro<> serve(asyncio::StreamReader reader, asyncio::StreamWriter writer) {
    ++connections;
    try {
      for (;;) {
        std::string request = co_await reader.readuntil("\r\n\r\n");
        if (request.find("100-continue") != std::string::npos) {
          writer.write("HTTP/1.1 100 Continue\r\n\r\n");
        }
        if (request.find("Transfer-Encoding: chunked") != std::string::npos) {
          const std::string body = co_await chunks(reader);
          request += body;
        } else if (const std::size_t length = length_of(request); length > 0) {
          const std::string body = co_await reader.readexactly(length);
          request += body;
        }
        requests.push_back(request);
        std::string path = request.substr(request.find(' ') + 1);
        path = path.substr(0, path.find(' '));
        path = path.substr(0, path.find('?'));
        const auto found = answers_.find(path);
        if (found == answers_.end()) {
          writer.write("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
        } else if (found->second == silence) {
          const std::string rest = co_await reader.read();
          break;
        } else if (found->second.empty()) {
          break;
        } else {
          writer.write(found->second);
          const bool closes = found->second.find("Connection: close") != std::string::npos;
          co_await writer.drain();
          if (closes) break;
        }
      }
    } catch (const std::exception&) {
      // The client has gone.
    }
    ++lost;
  }

  std::vector<asyncio::Server> server_;
  std::map<std::string, std::string> answers_;
};

}  // namespace support
