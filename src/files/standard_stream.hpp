#pragma once

#include "io/borrowed_flags.hpp"
#include "loop/endpoint.hpp"
#include "loop/loop_state.hpp"

#include <memory>
#include <optional>

namespace asyncio::detail {

/// One of the standard descriptors.
struct Standard {
  int fd;
  bool reads;
  const char* who;   ///< the function, for errors
  const char* name;  ///< "standard input"
};

inline constexpr Standard standard_input{0, true, "stdin_reader()", "standard input"};
inline constexpr Standard standard_output{1, false, "stdout_writer()", "standard output"};
inline constexpr Standard standard_error{2, false, "stderr_writer()", "standard error"};

/// A standard descriptor as a way for bytes, which leaves it to the others as they know it. The
/// endpoint, of a descriptor of our own, tells when a call is worth a try.
class StandardStream final : public ByteStream {
 public:
  /// Throws: std::system_error.
  StandardStream(LoopState& loop, const Standard& what);

  /// From here on send() waits until it can: the loop is at its end.
  void wait_to_send() noexcept { waits_to_send_ = true; }

  IoResult receive(std::span<std::byte> into) noexcept override;
  IoResult send(const iovec* parts, int count) noexcept override;
  IoResult finish_sending() noexcept override { return 0; }
  [[nodiscard]] bool can_finish_sending() const noexcept override { return false; }
  [[nodiscard]] std::exception_ptr own_error() noexcept override;
  [[nodiscard]] Endpoint& endpoint() noexcept override { return *endpoint_; }
  void wait(Way way, IoObserver& observer) noexcept override { endpoint_->wait(way, observer); }
  void stop_waiting(Way way) noexcept override { endpoint_->stop_waiting(way); }
  [[nodiscard]] bool awaited(Way way) const noexcept override { return endpoint_->awaited(way); }

 private:
  enum class Calls : std::uint8_t {
    of_endpoint,  ///< those of a DirectEndpoint
    of_socket,    ///< which never wait, whatever the flags
    of_files,     ///< of a non-blocking one
  };

  void open(LoopState& loop, const Standard& what);
  void watch(LoopState& loop, int own);
  [[nodiscard]] IoResult note(IoResult result) noexcept;

  const Standard& what_;
  Calls calls_ = Calls::of_endpoint;
  bool is_device_ = false;
  bool waits_to_send_ = false;
  int error_ = 0;
  std::optional<BorrowedFlags> borrowed_;
  std::unique_ptr<Endpoint> endpoint_;
};

}  // namespace asyncio::detail
