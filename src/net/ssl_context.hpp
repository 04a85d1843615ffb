#pragma once

#include <asyncio/detail/ref.hpp>
#include <asyncio/ssl.hpp>

#include <exception>
#include <optional>
#include <string>
#include <string_view>

struct ssl_ctx_st;
struct ssl_st;

namespace asyncio::detail {

/// What a ssl::Context is a handle to: OpenSSL's context and what its callbacks need.
class SslContext {
 public:
  /// Trusts nobody yet.
  explicit SslContext(bool is_server);
  SslContext(const SslContext&) = delete;
  SslContext& operator=(const SslContext&) = delete;
  ~SslContext();

  void add_ref() noexcept { users_.add(); }
  void drop_ref() noexcept {
    if (users_.drop()) delete this;
  }

  [[nodiscard]] ssl_ctx_st* handle() const noexcept { return ctx_; }
  [[nodiscard]] bool is_server() const noexcept { return is_server_; }

  void load_default_certs();
  /// OpenSSL's store of CAs, for adding to it: no longer shared with other contexts.
  [[nodiscard]] ssl_ctx_st* with_own_store();

  [[nodiscard]] ssl::VerifyMode verify_mode() const noexcept;
  void verify_mode(ssl::VerifyMode mode) noexcept;
  void set_alpn(std::string wire);
  void set_sni(SniCallback choose);
  /// What the SNI callback says; nothing if there is none.
  [[nodiscard]] std::optional<ssl::Context> context_for(std::string_view server_name) const;

  bool check_hostname = false;

 private:
  static int choose_protocol(ssl_st* connection, const unsigned char** out, unsigned char* out_size,
                             const unsigned char* in, unsigned in_size, void* self);

  SharedCount users_{0};
  ssl_ctx_st* ctx_;
  const bool is_server_;
  /// nobody -> system (load_default_certs), which all such contexts share; either -> own
  /// (with_own_store).
  enum class Trust { nobody, system, own } trust_ = Trust::nobody;
  std::string alpn_;  // as it is sent: each name after its size
  SniCallback sni_;
};

/// OpenSSL's callback: gives a connection that begins the context for the name that the client asks
/// for. Defined by the engine, which is told of errors.
int on_client_hello(ssl_st* connection, int* alert, void*) noexcept;

}  // namespace asyncio::detail
