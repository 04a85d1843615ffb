#include "support/backend.hpp"
#include "support/log_capture.hpp"

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace {

/// A report that no test has asked for is a failure of the test that ran.
class NoUnexpectedReports : public testing::EmptyTestEventListener {
  void OnTestEnd(const testing::TestInfo&) override {
    for (const std::string& report : support::unexpected_reports()) {
      ADD_FAILURE() << "reported, and no LogCapture was there: " << report;
    }
  }
};

/// Tests that are to run on the ring run on nothing else: they are skipped where the kernel has
/// none. Returns: errno, or 0.
int refusal_of_the_ring() {
  if (!support::on_the_ring()) return 0;
  alignas(8) char params[120] = {};
  const long fd = ::syscall(SYS_io_uring_setup, 2, params);
  if (fd < 0) return errno;
  ::close(static_cast<int>(fd));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (const int error = refusal_of_the_ring()) {
    std::printf("SKIPPED: io_uring_setup: errno %d, %s\n", error, std::strerror(error));
    return 0;
  }
  support::begin_listening();
  testing::TestEventListeners& listeners = testing::UnitTest::GetInstance()->listeners();
  auto* printer = listeners.Release(listeners.default_result_printer());
  listeners.Append(new NoUnexpectedReports);  // before the printer, which prints the verdict
  listeners.Append(printer);
  return RUN_ALL_TESTS();
}
