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
    auto head = co_await asyncio::as_result(reader_.readuntil("\r\n\r\n"));
    if (!head) {
      head_error(head, answer);
      co_return answer;
    }
    answer.head = head.value();
    answer.status = std::atoi(answer.head.c_str() + 9);
    if (head_only || answer.status < 200 || answer.status == 204 || answer.status == 304) {
      answer.whole = true;
      co_return answer;
    }
    const std::string length = answer.header("Content-Length");
    if (!length.empty()) {
      const std::size_t size = std::strtoul(length.c_str(), nullptr, 10);
      auto content = co_await asyncio::as_result(reader_.readexactly(size));
      answer.whole = static_cast<bool>(content);
      if (content) answer.content = content.value();
    } else if (answer.header("Transfer-Encoding") == "chunked") {
      co_await read_chunks(answer);
    } else {
      auto content = co_await asyncio::as_result(reader_.read());
      answer.whole = static_cast<bool>(content);
      if (content) answer.content = content.value();
    }
    co_return answer;
  }
  asyncio::Coro<Answer> answer_to(std::string_view request) const {
    send(request);
    return answer();
  }
  asyncio::Coro<std::string> chunk() const {
    const std::string size = co_await reader_.readuntil("\r\n");
    std::string chunk = co_await reader_.readexactly(std::strtoul(size.c_str(), nullptr, 16) + 2);
    chunk.resize(chunk.size() - 2);
    co_return chunk;
  }
  /// Until the end, or "reset".
  asyncio::Coro<std::string> rest() const {
    auto rest = co_await asyncio::as_result(reader_.read());
    if (!rest) co_return "reset";
    co_return rest.value();
  }
  asyncio::Coro<> close() const {
    writer_.close();
    (void)co_await asyncio::as_result(writer_.wait_closed());
  }
  void abort() const { writer_.abort(); }

  [[nodiscard]] const asyncio::StreamReader& reader() const { return reader_; }
  [[nodiscard]] const asyncio::StreamWriter& writer() const { return writer_; }

 private:
  static void head_error(const asyncio::Result<std::string>& head, Answer& answer) {
    try {
      (void)head.value();
    } catch (const asyncio::IncompleteReadError& error) {
      answer.head = error.partial();
    } catch (const std::exception& error) {
      answer.head = "reset";
    }
  }
  asyncio::Coro<> read_chunks(Answer& answer) const {
    for (;;) {
      auto piece = co_await asyncio::as_result(chunk());
      if (!piece) co_return;
      if (piece.value().empty()) break;
      answer.content += piece.value();
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
