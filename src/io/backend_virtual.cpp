#include "io/backend_virtual.hpp"

#include "io/choose_backend.hpp"
#include "loop/endpoint.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace asyncio::detail {
namespace {

constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();

class VirtualBackend final : public Backend {
 public:
  explicit VirtualBackend(std::unique_ptr<Backend> real) : real_(std::move(real)) {}

  void submit(Operation& operation) override { real_->submit(operation); }
  void cancel(Operation& operation) noexcept override { real_->cancel(operation); }
  std::unique_ptr<Endpoint> open(int fd, Descriptor kind) override { return real_->open(fd, kind); }
  [[nodiscard]] bool busy() const noexcept override { return real_->busy(); }
  [[nodiscard]] bool jumps() const noexcept override { return true; }
  void rest() noexcept override { real_->rest(); }
  void wake() noexcept override { real_->wake(); }
  [[nodiscard]] std::int64_t now() const override { return now_; }
  [[nodiscard]] bool keeps_real_time() const noexcept override { return false; }
  [[nodiscard]] int fd() const noexcept override { return real_->fd(); }

  bool poll(std::int64_t deadline, bool outside_work) override {
    if (deadline <= now_) return real_->poll(0, false);
    if (!outside_work && !real_->busy()) {
      if (deadline == never) return false;
      now_ = deadline;
      return real_->poll(0, false);
    }
    // Something real is going on, so this time passes in reality.
    const std::int64_t began = real_->now();
    const bool for_ever = deadline - now_ > never - began;
    const bool possible = real_->poll(for_ever ? never : began + (deadline - now_), outside_work);
    now_ = std::min(deadline, now_ + (real_->now() - began));
    return possible;
  }

 private:
  std::unique_ptr<Backend> real_;
  std::int64_t now_ = 1'000'000'000'000;  // not zero: "time is set" and "time is zero" differ
};

}  // namespace

std::unique_ptr<Backend> make_virtual_backend() {
  return std::make_unique<VirtualBackend>(make_real_backend());
}

}  // namespace asyncio::detail
