#include "loop.hpp"

#include "loop/backend.hpp"
#include "loop/endpoint.hpp"
#include "loop/loop_state.hpp"

#include <limits>
#include <stdexcept>

namespace parity {
namespace {

std::int64_t clock_now = 0;

class ClockOnly final : public asyncio::detail::Backend {
 public:
  void submit(asyncio::detail::Operation&) override {}
  void cancel(asyncio::detail::Operation&) noexcept override {}
  std::unique_ptr<asyncio::detail::Endpoint> open(int, asyncio::detail::Descriptor) override {
    throw std::logic_error("programs of the parity tests have no network");
  }
  bool poll(std::int64_t deadline, bool) override {
    if (deadline == std::numeric_limits<std::int64_t>::max()) return false;
    if (deadline > clock_now) clock_now = deadline;
    return true;
  }
  [[nodiscard]] bool busy() const noexcept override { return false; }
  void wake() noexcept override {}
  [[nodiscard]] std::int64_t now() const override { return clock_now; }
  [[nodiscard]] int fd() const noexcept override { return -1; }
};

}  // namespace

std::unique_ptr<asyncio::EventLoop> new_loop() {
  clock_now = 0;
  return asyncio::detail::LoopAccess::make(std::make_unique<ClockOnly>());
}

std::int64_t now() { return clock_now; }
void pass_time(std::int64_t nanoseconds) { clock_now += nanoseconds; }

}  // namespace parity
