#pragma once

#include <asyncio/subprocess.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace crawler {

/// A redis-server of our own on a free port of the loopback device, which keeps nothing.
///
/// Lifetime: its process is ended by stop(), or with this.
class OwnRedis {
 public:
  OwnRedis();
  OwnRedis(const OwnRedis&) = delete;
  OwnRedis& operator=(const OwnRedis&) = delete;
  ~OwnRedis();

  /// Returns: false if there is no redis-server in PATH.
  /// Throws: std::runtime_error with what it has said, if it does not become ready.
  asyncio::Coro<bool> start();
  asyncio::Coro<> stop();
  /// "redis://127.0.0.1:4711"
  [[nodiscard]] std::string url() const;

 private:
  asyncio::Coro<> wait_until_ready();

  std::filesystem::path folder_;
  std::uint16_t port_ = 0;
  std::optional<asyncio::subprocess::Process> process_;
};

}  // namespace crawler
