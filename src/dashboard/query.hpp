#pragma once

#include "dashboard/sampler.hpp"

#include <asyncio/http_params.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace asyncio::dashboard {

/// What a viewer wants to see: the query of its URL. Anything else in it means what is here.
struct Query {
  enum class View : std::uint8_t { tasks, tree, awaits, plots };
  enum class Sort : std::uint8_t { name, state, place, waits_for, since, steps, cpu };

  View view = View::tasks;
  Sort sort = Sort::since;
  bool descending = false;  ///< of `since`: the youngest first
  std::string text;         ///< in lower case; in the name, a function, a file, what is waited for
  std::optional<snapshot::TaskView::State> state;

  [[nodiscard]] static Query parse(const http::Params& params);
};

/// The tasks that a query means, in its order.
struct Selection {
  std::vector<std::uint32_t> rows;  ///< of Sample::tasks; at most as many as were asked for
  std::uint64_t matched = 0;        ///< how many there were
};

[[nodiscard]] Selection select(const Sample& sample, const Stacks& stacks, const Query& query,
                               std::size_t most);

}  // namespace asyncio::dashboard
