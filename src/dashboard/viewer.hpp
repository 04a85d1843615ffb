#pragma once

#include "dashboard/query.hpp"
#include "dashboard/sampler.hpp"
#include "dashboard/wait_graph.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace asyncio::dashboard {

/// Somebody who looks: what they want to see, and what they have been told already, so that only
/// what has changed is sent. It keeps no more than was shown last.
class Viewer {
 public:
  static constexpr std::size_t most_rows = 400;
  static constexpr std::size_t most_lines = 1000;  // of trees
  static constexpr std::size_t most_boxes = 2000;  // of the flame graph
  static constexpr std::size_t longest_name = 160;

  explicit Viewer(Query query) : query_(std::move(query)) {}

  /// What the last look has shown, as JSON in one line: docs/dashboard.md says what is in it.
  [[nodiscard]] std::string describe(const Sampler& sampler, const WaitGraph& graph);

 private:
  class Message;
  friend class Message;

  Query query_;
  std::uint64_t epoch_ = 0;
  std::vector<bool> places_;                             // that were told
  std::unordered_map<std::uint64_t, std::size_t> rows_;  // of each: the hash of what was told
  std::unordered_map<std::string, std::size_t> parts_;   // the same of other parts
};

}  // namespace asyncio::dashboard
