#pragma once

#include <asyncio/detail/ref.hpp>

#include "files/file_job.hpp"
#include "loop/endpoint.hpp"
#include "loop/loop_state.hpp"

#include <cstddef>

namespace asyncio::detail {

/// What no backend can watch, since it is always ready: a file, /dev/null. It is read from memory,
/// or by a thread where the disk would have to be waited for, and written at once; at the position
/// that it has for all who share it.
class DirectEndpoint final : public Endpoint {
 public:
  DirectEndpoint(LoopState& loop, Ref<OpenFile> file);
  ~DirectEndpoint() override;

  IoResult receive(std::span<std::byte> into) noexcept override;
  IoResult send(const iovec* parts, int count) noexcept override;
  IoResult finish_sending() noexcept override { return 0; }
  IoResult accept(sockaddr* address, unsigned* size) noexcept override;
  [[nodiscard]] int release() noexcept override;

  void wait(Way way, IoObserver& observer) noexcept override;
  void stop_waiting(Way way) noexcept override;

 private:
  /// The way from a job to whoever began it, who may be gone.
  struct Link {
    explicit Link(DirectEndpoint& e) noexcept : endpoint(&e) {}
    void add_ref() noexcept { ++users; }
    void drop_ref() noexcept {
      if (--users == 0) delete this;
    }
    DirectEndpoint* endpoint;
    unsigned users = 1;
  };

  void begin_job();
  void job_ended() noexcept;
  [[nodiscard]] IoResult take(std::span<std::byte> into) noexcept;

  LoopState& loop_;
  Ref<OpenFile> file_;
  Ref<Link> link_;
  Ref<FileJob> job_;  // under way, or with something that is still to be given
  std::size_t given_ = 0;
  bool job_is_over_ = false;
  bool asks_memory_ = true;
};

}  // namespace asyncio::detail
