#pragma once

#include "io/system.hpp"
#include "loop/endpoint.hpp"

#include <memory>

namespace asyncio::detail {

/// One end of a pipe, or of what is used like one.
class PipeEnd : public ByteStream {
 public:
  IoResult finish_sending() noexcept override { return 0; }
  [[nodiscard]] bool is_one_way() const noexcept override { return true; }
  [[nodiscard]] bool drained() const noexcept override { return endpoint_->drained(); }
  [[nodiscard]] bool known_empty() const noexcept override { return endpoint_->known_empty(); }
  [[nodiscard]] Endpoint& endpoint() noexcept override { return *endpoint_; }
  void wait(Way way, IoObserver& observer) noexcept override { endpoint_->wait(way, observer); }
  void stop_waiting(Way way) noexcept override { endpoint_->stop_waiting(way); }
  [[nodiscard]] bool awaited(Way way) const noexcept override { return endpoint_->awaited(way); }

 protected:
  explicit PipeEnd(std::unique_ptr<Endpoint> endpoint) noexcept : endpoint_(std::move(endpoint)) {}
  std::unique_ptr<Endpoint> endpoint_;
};

/// The end that is read from.
class PipeReadEnd final : public PipeEnd {
 public:
  PipeReadEnd(std::unique_ptr<Endpoint> endpoint, sys::FileKind kind) noexcept
      : PipeEnd(std::move(endpoint)), kind_(kind) {}

  IoResult receive(std::span<std::byte> into) noexcept override;
  IoResult send(const iovec* parts, int count) noexcept override;
  [[nodiscard]] bool can_finish_sending() const noexcept override { return false; }
  [[nodiscard]] std::exception_ptr own_error() noexcept override;

 private:
  sys::FileKind kind_;
  bool was_written_to_ = false;
};

/// The end that is written to.
class PipeWriteEnd final : public PipeEnd {
 public:
  explicit PipeWriteEnd(std::unique_ptr<Endpoint> endpoint) noexcept
      : PipeEnd(std::move(endpoint)) {}

  IoResult receive(std::span<std::byte> into) noexcept override;
  IoResult send(const iovec* parts, int count) noexcept override;
};

}  // namespace asyncio::detail
