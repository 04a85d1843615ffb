#pragma once

#include <asyncio/http_server.hpp>

#include <string>

namespace crawler {

/// A server for practice: a list of 600 projects, and an API that takes 20 to 200 ms for an answer,
/// and that does not know every project, has moved a few, and fails now and then.
class PracticeServer {
 public:
  asyncio::Coro<> start();
  asyncio::Coro<> stop();
  /// "http://127.0.0.1:4711"
  [[nodiscard]] std::string url() const;

 private:
  asyncio::http::Server server_;
};

}  // namespace crawler
