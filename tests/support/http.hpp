#pragma once

#include <asyncio/as_result.hpp>
#include <asyncio/http_server.hpp>
#include <asyncio/streams.hpp>

#include "support/streams.hpp"

#include <cctype>
#include <cstddef>
#include <cstdlib>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace support {

/// What a server has sent for one request.
struct Answer {
  int status = 0;
  std::string head;     ///< with the status line
  std::string content;  ///< without chunks
  bool whole = false;   ///< its end has come as its head says

  /// "" if there is none.
  [[nodiscard]] std::string header(std::string_view name) const {
    for (std::size_t at = head.find("\r\n"); at + 2 < head.size(); at = head.find("\r\n", at + 2)) {
      const std::string_view line = std::string_view(head).substr(at + 2);
      if (line.size() <= name.size() || line[name.size()] != ':') continue;
      bool same = true;
      for (std::size_t i = 0; i < name.size(); ++i) {
        same = same && std::tolower(line[i]) == std::tolower(name[i]);
      }
      if (!same) continue;
      return std::string(line.substr(name.size() + 2, line.find("\r\n") - name.size() - 2));
    }
    return {};
  }
};

/// Speaks HTTP byte by byte as a test wants it.
class HttpClient {
 public:
  explicit HttpClient(asyncio::Connection connection)
      : reader_(connection.reader), writer_(connection.writer) {}
  static asyncio::Coro<HttpClient> to(asyncio::Address address) {
    asyncio::Connection connection = co_await asyncio::open_connection(address);
    co_return HttpClient(std::move(connection));
  }

  void send(std::string_view text) const { writer_.write(text); }
  /// GET over HTTP/1.1 with a Host.
  void get(std::string_view target) const { ask("GET", target); }
  void ask(std::string_view method, std::string_view target, std::string_view lines = "") const {
    send(std::string(method) + " " + std::string(target) + " HTTP/1.1\r\nHost: test\r\n" +
         std::string(lines) + "\r\n");
  }
  void post(std::string_view target, std::string_view body) const {
    ask("POST", target, "Content-Length: " + std::to_string(body.size()) + "\r\n");
    send(body);
  }

  /// The next answer. `head_only`: to HEAD. Status 0: the end came instead.
  asyncio::Coro<Answer> answer(bool head_only = false) const {
    Answer answer;
    try {
      co_await read_answer(answer, head_only);
    } catch (const asyncio::IncompleteReadError&) {
      // It is not whole.
    } catch (const std::system_error&) {
      // Nor is one of a connection that was reset.
    }
    co_return answer;
  }
  asyncio::Coro<std::string> chunk() const {
    const std::string size = co_await reader_.readuntil("\r\n");
    std::string chunk = co_await reader_.readexactly(std::strtoul(size.c_str(), nullptr, 16) + 2);
    chunk.resize(chunk.size() - 2);
    co_return chunk;
  }
  /// Until the end, or "reset".
  asyncio::Coro<std::string> rest() const {
    try {
      co_return co_await reader_.read();
    } catch (const std::system_error&) {
      co_return "reset";
    }
  }
  asyncio::Coro<> close() const {
    writer_.close();
    (void)co_await asyncio::as_result(writer_.wait_closed());
  }
  void abort() const { writer_.abort(); }

  [[nodiscard]] const asyncio::StreamReader& reader() const { return reader_; }
  [[nodiscard]] const asyncio::StreamWriter& writer() const { return writer_; }

 private:
  asyncio::Coro<> read_answer(Answer& answer, bool head_only) const {
    answer.head = co_await reader_.readuntil("\r\n\r\n");
    answer.status = std::atoi(answer.head.c_str() + 9);
    const std::string length = answer.header("Content-Length");
    if (head_only || answer.status < 200 || answer.status == 204 || answer.status == 304) {
      // It has no content.
    } else if (!length.empty()) {
      const std::size_t size = std::strtoul(length.c_str(), nullptr, 10);
      answer.content = co_await reader_.readexactly(size);
    } else if (answer.header("Transfer-Encoding") == "chunked") {
      for (std::string piece = co_await chunk(); !piece.empty(); piece = co_await chunk()) {
        answer.content += piece;
      }
    } else {
      answer.content = co_await reader_.read();
    }
    answer.whole = true;
  }

  asyncio::StreamReader reader_;
  asyncio::StreamWriter writer_;
};

/// Listens on a free port.
inline asyncio::Coro<HttpClient> connected(asyncio::http::Server& server) {
  if (server.sockets().empty()) co_await server.start("127.0.0.1", 0);
  co_return co_await HttpClient::to(server.sockets().at(0));
}

/// One request on a connection of its own.
inline asyncio::Coro<Answer> answer_of(asyncio::http::Server& server, std::string request) {
  const HttpClient client = co_await connected(server);
  client.send(request);
  Answer answer = co_await client.answer();
  co_await client.close();
  co_return answer;
}
inline asyncio::Coro<Answer> get(asyncio::http::Server& server, std::string target) {
  return answer_of(server, "GET " + target + " HTTP/1.1\r\nHost: test\r\n\r\n");
}

/// Nothing of it is left.
inline asyncio::Coro<> ended(asyncio::http::Server& server) {
  server.close();
  co_await server.wait_closed();
}

}  // namespace support
