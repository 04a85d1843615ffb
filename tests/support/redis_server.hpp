#pragma once

#include "support/certificates.hpp"
#include "support/files.hpp"

#include <sys/types.h>

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

namespace support {

/// A redis-server of a test's own, in a folder of its own, which ends with it, or with this process
/// however that ends.
class RedisServer {
 public:
  /// How it is reached.
  enum class Door : std::uint8_t { unix_socket, tcp, tls };
  struct Options {
    Door door = Door::unix_socket;
    /// What was answered is on the disk: it survives kill().
    bool keeps = false;
    std::string password = {};
  };

  /// Otherwise the test is to be skipped.
  [[nodiscard]] static bool is_installed();

  /// Starts it. Throws: std::runtime_error with what it has said, if it does not become ready.
  RedisServer() : RedisServer(Options()) {}
  explicit RedisServer(Options options, bool started = true);
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;
  ~RedisServer();

  /// Again, under the same address. Returns when it answers.
  void start();
  /// By SIGKILL.
  void kill();

  /// With the password, if it has one.
  [[nodiscard]] std::string url() const { return url_with(options_.password); }
  [[nodiscard]] std::string url_with(const std::string& password) const;
  [[nodiscard]] const std::string& ca_pem() const { return authority_.pem(); }

  /// What redis-cli prints. Throws: std::runtime_error if it cannot be run.
  // NOLINTNEXTLINE(modernize-use-nodiscard): mostly done for what it does
  std::string cli(std::initializer_list<std::string> words) const;

 private:
  [[nodiscard]] std::vector<std::string> command() const;
  void add_door(std::vector<std::string>& words) const;
  void write_certificates() const;

  Options options_;
  Folder folder_;
  CertificateAuthority authority_;
  std::uint16_t port_ = 0;
  pid_t pid_ = -1;
};

}  // namespace support

/// Ends a test that needs a redis-server where there is none.
#define SKIP_WITHOUT_REDIS() \
  if (!support::RedisServer::is_installed()) ASYNC_SKIP() << "redis-server is not installed"
