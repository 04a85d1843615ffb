#pragma once

#include <asyncio/detail/frame_allocator.hpp>

#include "io/send_buffer.hpp"
#include "io/uring.hpp"

#include <cstddef>
#include <cstdint>

namespace asyncio::detail {

class UringEndpoint;
class UringEndpoints;

/// What the kernel knows of an endpoint. It lives until that is gone and the kernel has let go of
/// both requests, and with them what they read from.
struct UringFlight final : Pooled {
  explicit UringFlight(UringEndpoint& owner, UringEndpoints& endpoints) noexcept
      : endpoint(&owner), all(endpoints) {}

  struct Reading final : Request {
    enum class Kind : std::uint8_t {
      at_once,      // what has come before can be read
      readable,     // a poll
      bytes,        // receives ahead, again and again, into buffers that all share
      connections,  // accepts ahead, again and again
    };
    explicit Reading(UringFlight& flight) noexcept : flight_(flight) {}
    Kind kind = Kind::readable;

   private:
    void prepare(io_uring_sqe& entry) noexcept override;
    void completed(int result, unsigned flags) noexcept override;
    void drop(int result, unsigned flags) noexcept;
    UringFlight& flight_;
  };

  struct Writing final : Request {
    enum class Kind : std::uint8_t {
      writable,  // a poll
      bytes,     // sends what was taken
    };
    explicit Writing(UringFlight& flight) noexcept : flight_(flight) {}
    Kind kind = Kind::writable;

   private:
    void prepare(io_uring_sqe& entry) noexcept override;
    void completed(int result, unsigned flags) noexcept override;
    UringFlight& flight_;
  };

  [[nodiscard]] std::size_t unsent() const noexcept { return sending.size() + collecting.size(); }
  /// The endpoint has gone.
  void let_go() noexcept;

  UringEndpoint* endpoint;
  UringEndpoints& all;
  Reading reading{*this};
  Writing writing{*this};
  SendBuffer sending;     // the kernel reads it
  SendBuffer collecting;  // what follows
};

}  // namespace asyncio::detail
