#include "cluster/redis_request.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace asyncio::cluster::detail {

namespace {

// By one call: Redis does nothing else meanwhile.
constexpr std::size_t most_items = 100;
constexpr std::size_t most_bytes = std::size_t{1} << 20;

/// Calls that are sent as one.
class Together {
 public:
  Together(std::size_t place, std::shared_ptr<RedisScriptCall> first)
      : place_(place), items_(first->items), bytes_(first->arguments.bytes()) {
    first->first = 0;
    calls_.push_back(std::move(first));
  }

  [[nodiscard]] std::size_t place() const noexcept { return place_; }

  [[nodiscard]] bool can_take(const RedisScriptCall& call) const {
    const RedisScriptCall& first = *calls_.front();
    return call.same > 0 && call.script == first.script && items_ + call.items <= most_items &&
           bytes_ + call.arguments.bytes() <= most_bytes &&
           call.arguments.begins_as(first.arguments, call.same);
  }
  void take(std::shared_ptr<RedisScriptCall> call) {
    call->first = items_;
    items_ += call->items;
    bytes_ += call->arguments.bytes();
    calls_.push_back(std::move(call));
  }
  [[nodiscard]] RedisCommand command() const {
    std::vector<std::string_view> all = calls_.front()->arguments.all();
    for (std::size_t i = 1; i < calls_.size(); ++i) {
      const std::vector<std::string_view>& more = calls_[i]->arguments.all();
      all.insert(all.end(), more.begin() + static_cast<std::ptrdiff_t>(calls_[i]->head),
                 more.end());
    }
    return RedisCommand(all);
  }

 private:
  std::size_t place_;
  std::size_t items_;
  std::size_t bytes_;
  std::vector<std::shared_ptr<RedisScriptCall>> calls_;
};

}  // namespace

bool RedisRequest::is_given_up() const {
  return !answers.empty() && std::all_of(answers.begin(), answers.end(),
                                         [](const auto& answer) { return answer.done(); });
}

void make_commands(std::vector<RedisRequest>& requests) {
  std::vector<RedisRequest> made;
  std::vector<Together> open;
  for (RedisRequest& request : requests) {
    if (request.is_given_up()) continue;
    const std::shared_ptr<RedisScriptCall> call = std::exchange(request.call, nullptr);
    if (call == nullptr) {
      made.push_back(std::move(request));
      continue;
    }
    const auto place = std::find_if(open.rbegin(), open.rend(),
                                    [&](const Together& one) { return one.can_take(*call); });
    if (place == open.rend()) {
      open.emplace_back(made.size(), call);
      made.push_back(std::move(request));
    } else {
      place->take(call);
      made[place->place()].answers.push_back(std::move(request.answers.front()));
    }
  }
  for (const Together& one : open) made[one.place()].command = one.command();
  requests = std::move(made);
}

}  // namespace asyncio::cluster::detail
