#pragma once

#include <asyncio/detail/frame_allocator.hpp>

#include "io/send_buffer.hpp"
#include "io/uring.hpp"

#include <cstddef>
#include <cstdint>

namespace asyncio::detail {

class UringEndpoint;
class UringEndpoints;

struct UringFlight;

// Both are bases of a UringFlight alone, which saves each a pointer to it.

class UringReading : public Request {
 public:
  enum class Kind : std::uint8_t {
    at_once,      // what has come before can be read
    readable,     // a poll
    bytes,        // receives ahead, again and again, into buffers that all share
    connections,  // accepts ahead, again and again
  };
  Kind kind = Kind::readable;

 private:
  void prepare(io_uring_sqe& entry) noexcept override;
  void completed(int result, unsigned flags) noexcept override;
  void drop(int result, unsigned flags) noexcept;
  [[nodiscard]] UringFlight& flight() noexcept;
};

class UringWriting : public Request {
 public:
  enum class Kind : std::uint8_t {
    writable,  // a poll
    bytes,     // sends what was taken
  };
  Kind kind = Kind::writable;

 private:
  void prepare(io_uring_sqe& entry) noexcept override;
  void completed(int result, unsigned flags) noexcept override;
  [[nodiscard]] UringFlight& flight() noexcept;
};

/// What the kernel knows of an endpoint. It lives until that is gone and the kernel has let go of
/// both requests, and with them what they read from.
struct UringFlight final : UringReading, UringWriting, Pooled {
  UringFlight(UringEndpoint& owner, UringEndpoints& endpoints) noexcept
      : endpoint(&owner), all(endpoints) {}

  [[nodiscard]] UringReading& reading() noexcept { return *this; }
  [[nodiscard]] UringWriting& writing() noexcept { return *this; }
  [[nodiscard]] std::size_t unsent() const noexcept { return sending.size() + collecting.size(); }
  /// The endpoint has gone.
  void let_go() noexcept;

  UringEndpoint* endpoint;
  UringEndpoints& all;
  SendBuffer sending;     // the kernel reads it
  SendBuffer collecting;  // what follows
};

}  // namespace asyncio::detail
