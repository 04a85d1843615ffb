#pragma once

#include <asyncio/address.hpp>

#include <cstddef>
#include <exception>
#include <span>
#include <string_view>
#include <utility>

#if __has_include(<bits/unique_ptr.h>)
#include <bits/unique_ptr.h>  // <memory> would cost 8,000 lines more
#else
#include <memory>
#endif

namespace asyncio {

class DatagramTransport;
class Transport;

/// What all protocols have: the calls that a transport makes, on the loop's thread, one at a time.
/// Each does nothing unless it is overridden.
///
/// Python: asyncio.BaseProtocol
/// Lifetime: shared by its transport, until connection_lost() has returned, and by ProtocolPtrs.
class BaseProtocol {
 public:
  BaseProtocol() = default;
  BaseProtocol(const BaseProtocol&) = delete;
  BaseProtocol& operator=(const BaseProtocol&) = delete;
  virtual ~BaseProtocol() = default;

  /// Last, and once. Null: the peer or close() or abort() has ended the connection.
  virtual void connection_lost(std::exception_ptr /*error*/) {}
  /// More is unsent than the high mark: write no more until resume_writing().
  virtual void pause_writing() {}
  virtual void resume_writing() {}

  void add_ref() noexcept { ++users_; }
  void drop_ref() noexcept {
    if (--users_ == 0) delete this;
  }

 private:
  unsigned users_ = 0;
};

/// Is told of bytes as they come.
///
/// Python: asyncio.Protocol
class Protocol : public BaseProtocol {
 public:
  /// First, and once.
  virtual void connection_made(const Transport& /*transport*/) {}
  /// Lifetime: of `data`, this call.
  virtual void data_received(std::string_view /*data*/) {}
  /// The peer sends nothing more. Returns: true to go on sending; else the connection is closed.
  virtual bool eof_received() { return false; }
};

/// Is asked where bytes shall go.
///
/// Python: asyncio.BufferedProtocol
class BufferedProtocol : public BaseProtocol {
 public:
  virtual void connection_made(const Transport& /*transport*/) {}
  /// Returns: where to receive to, not empty. It must live until buffer_updated().
  virtual std::span<std::byte> get_buffer(std::size_t size_hint) = 0;
  virtual void buffer_updated(std::size_t /*bytes*/) {}
  virtual bool eof_received() { return false; }
};

/// Is told of datagrams.
///
/// Python: asyncio.DatagramProtocol
class DatagramProtocol : public BaseProtocol {
 public:
  virtual void connection_made(const DatagramTransport& /*transport*/) {}
  virtual void datagram_received(std::string_view /*data*/, const Address& /*from*/) {}
  /// An earlier datagram could not be delivered, or one cannot be sent. The transport goes on.
  virtual void error_received(std::exception_ptr /*error*/) {}
};

/// A shared protocol.
template <class P>
class ProtocolPtr {
 public:
  ProtocolPtr() noexcept = default;
  explicit ProtocolPtr(P* protocol) noexcept : p_(protocol) {
    if (p_ != nullptr) p_->add_ref();
  }
  template <class Q>
    requires std::is_convertible_v<Q*, P*>
  ProtocolPtr(std::unique_ptr<Q> protocol) noexcept  // NOLINT(google-explicit-constructor)
      : ProtocolPtr(static_cast<P*>(protocol.release())) {}
  ProtocolPtr(const ProtocolPtr& other) noexcept : ProtocolPtr(other.p_) {}
  template <class Q>
    requires std::is_convertible_v<Q*, P*>
  ProtocolPtr(const ProtocolPtr<Q>& other) noexcept  // NOLINT(google-explicit-constructor)
      : ProtocolPtr(other.get()) {}
  ProtocolPtr& operator=(ProtocolPtr other) noexcept {
    std::swap(p_, other.p_);
    return *this;
  }
  ~ProtocolPtr() {
    if (p_ != nullptr) p_->drop_ref();
  }

  [[nodiscard]] P* get() const noexcept { return p_; }
  P* operator->() const noexcept { return p_; }
  P& operator*() const noexcept { return *p_; }
  explicit operator bool() const noexcept { return p_ != nullptr; }

 private:
  P* p_ = nullptr;
};

}  // namespace asyncio
