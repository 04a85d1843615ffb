#pragma once

#include <asyncio/ssl.hpp>

#include "net/ssl_context.hpp"
#include "net/tls_bio.hpp"

#include <cstddef>
#include <exception>
#include <optional>
#include <span>
#include <string>
#include <string_view>

struct ssl_st;

namespace asyncio::detail {

/// One side of a TLS connection, without any input or output of its own: whoever has it carries the
/// ciphertext to and fro, over a socket or over another engine.
///
///     feed(what has come);  handshake() or read() or write() or shutdown();  send outgoing()
///
/// Any of these may leave something in outgoing(), read() and one that throws included: an alert,
/// the answer to a key update. Who reads on without sending that lets it grow with what is fed.
///
/// An error ends the connection: whatever is called later throws the same one. Only plaintext that
/// was decrypted before it is still read first.
///
/// Threads: one at a time.
class TlsEngine {
 public:
  enum class Side { client, server };

  /// `server_hostname`: what the certificate must be for: a name, which is also sent to the server,
  /// or an IP address. Only for a client, where it may be empty if the name is not checked.
  ///
  /// Throws: std::invalid_argument if it is missing, or no name; ssl::SSLError if the context is
  /// for the other side.
  TlsEngine(const ssl::Context& context, Side side, std::string_view server_hostname);
  TlsEngine(const TlsEngine&) = delete;
  TlsEngine& operator=(const TlsEngine&) = delete;
  ~TlsEngine();

  /// Ciphertext from the peer; takes all of it.
  void feed(std::span<const std::byte> ciphertext) { bio_.in.append(ciphertext); }
  /// The same without a copy: read the ciphertext into the space (of `n` bytes at least), then say
  /// how many bytes there are. feed_space() again, or fed(0), gives the space up. If nothing is
  /// fed_pending(), it stays where it is whatever is called meanwhile, but for feed().
  [[nodiscard]] std::span<std::byte> feed_space(std::size_t n) { return bio_.in.room(n); }
  void fed(std::size_t n) noexcept;
  /// The peer sends no more: FIN.
  void feed_eof() noexcept { bio_.eof = true; }
  /// Ciphertext that nobody has asked for yet.
  [[nodiscard]] std::size_t fed_pending() const noexcept { return bio_.in.size(); }

  /// What is to be sent to the peer now. Its bytes stay, and others may come behind them, but their
  /// place is valid only until the next call of anything but feed(), feed_space(), fed(): no send
  /// that goes on in the background may use it while others write.
  [[nodiscard]] std::span<const std::byte> outgoing() const noexcept { return bio_.out.view(); }
  void sent(std::size_t n) noexcept { bio_.out.consume(n); }

  /// handshaking -> open (handshake) -> shut (shutdown). An error: shut.
  enum class State { handshaking, open, shut };
  [[nodiscard]] State state() const noexcept { return state_; }

  /// Goes on with what was fed. Returns: true when it is done.
  /// Throws: ssl::SSLError, ssl::SSLCertVerificationError; std::system_error(ECONNRESET) if the
  /// peer goes; what the SNI callback has thrown.
  bool handshake();

  struct Read {
    std::size_t bytes;
    enum Status {
      ok,             ///< there may be more at once
      want_data,      ///< not before more is fed
      closed_by_peer  ///< nothing more comes: it has said close_notify
    } status;
  };
  /// Decrypts what was fed, as much as there is room for. Zero bytes are `ok` only when there is no
  /// room.
  ///
  /// Throws: ssl::SSLEOFError when all is read and the peer has gone without close_notify;
  /// ssl::SSLError; RuntimeError before the handshake is done.
  Read read(std::span<std::byte> plaintext);

  /// read() would give nothing before more is fed.
  [[nodiscard]] bool nothing_to_decrypt() const noexcept;

  /// Encrypts into outgoing(). What fits into one record may go to `sink` without being copied
  /// there: more of it is better sent in one piece.
  /// Returns: how much was taken: all.
  /// Throws: RuntimeError before the handshake is done, and after shutdown().
  std::size_t write(std::span<const std::byte> plaintext, TlsSink* sink = nullptr);

  /// Says close_notify; write() is over. Plaintext that comes later is dropped: who wants it calls
  /// read() in place of this a second time.
  ///
  /// Returns: true when the peer will send no more: it has said so, too, or has gone, or the
  /// connection has failed or was never open.
  bool shutdown();

  /// "TLSv1.3"; "" before the handshake is done.
  [[nodiscard]] std::string version() const;
  [[nodiscard]] std::optional<ssl::Cipher> cipher() const;
  /// What both sides speak, of set_alpn_protocols(); "" if nothing was chosen.
  [[nodiscard]] std::string alpn() const;
  [[nodiscard]] std::optional<ssl::PeerCertificate> peer_certificate() const;
  [[nodiscard]] const std::string& server_hostname() const noexcept { return server_hostname_; }

 private:
  friend int on_client_hello(ssl_st*, int*, void*) noexcept;
  enum class Stop { want_data, closed, failed };

  void set_peer();
  void choose_context(std::string_view server_name);
  void begin() const;
  Stop stop(int result);
  [[nodiscard]] std::exception_ptr why_failed();
  void fail(std::exception_ptr error) noexcept;
  bool drop_plaintext();

  TlsBio bio_;
  Ref<SslContext> context_;
  Ref<SslContext> chosen_;  // if another one was, by the name that the client has asked for
  std::string server_hostname_;
  std::exception_ptr failure_;
  std::exception_ptr callback_error_;
  ssl_st* ssl_;
  State state_ = State::handshaking;
};

}  // namespace asyncio::detail
