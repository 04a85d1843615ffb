#include "support/log_capture.hpp"

#include <gtest/gtest.h>

namespace {

/// A report that no test has asked for is a failure of the test that ran.
class NoUnexpectedReports : public testing::EmptyTestEventListener {
  void OnTestEnd(const testing::TestInfo&) override {
    for (const std::string& report : support::unexpected_reports()) {
      ADD_FAILURE() << "reported, and no LogCapture was there: " << report;
    }
  }
};

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  support::begin_listening();
  testing::TestEventListeners& listeners = testing::UnitTest::GetInstance()->listeners();
  auto* printer = listeners.Release(listeners.default_result_printer());
  listeners.Append(new NoUnexpectedReports);  // before the printer, which prints the verdict
  listeners.Append(printer);
  return RUN_ALL_TESTS();
}
