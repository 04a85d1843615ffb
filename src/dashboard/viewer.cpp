#include "dashboard/viewer.hpp"

#include "base/printable.hpp"
#include "dashboard/flame.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

namespace asyncio::dashboard {
namespace {

using Json = nlohmann::ordered_json;
using State = snapshot::TaskView::State;

constexpr std::size_t longest_text = 400;  // of functions and paths

std::string text_of(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string id_of(std::uint64_t address) { return fmt::format("{:#x}", address); }

// Milliseconds with three digits: more would only be noise on the wire.
double ms(std::int64_t ns) { return std::round(static_cast<double>(ns) / 1e3) / 1e3; }

const char* state_of(State state) {
  switch (state) {
    case State::running: return "running";
    case State::ready: return "ready";
    case State::waiting: break;
  }
  return "waiting";
}

}  // namespace

/// One message to one viewer.
class Viewer::Message {
 public:
  Message(Viewer& viewer, const Sampler& sampler, const WaitGraph& graph)
      : viewer_(viewer), sample_(sampler.sample()), stacks_(sampler.stacks()), graph_(graph) {}

  std::string text() {
    json_["at"] = ms(sample_.view.at);
    if (!sample_.error.empty()) json_["error"] = detail::printable(sample_.error, longest_text);
    begin_epoch();
    add_loops();
    add_circles();
    const Selection selection = select(sample_, stacks_, viewer_.query_, most_rows);
    json_["matched"] = selection.matched;
    switch (viewer_.query_.view) {
      case Query::View::tasks: add_rows(selection.rows); break;
      case Query::View::tree: add_tree(selection.rows); break;
      case Query::View::awaits: add_flame(); break;
      case Query::View::plots: break;
    }
    json_["places"] = std::move(places_);
    return text_of(json_);
  }

 private:
  // Whether a viewer has been told exactly this already.
  static bool is_news(std::size_t& told, const Json& part) {
    const std::size_t hash = std::hash<std::string>{}(text_of(part)) | 1;  // 0: nothing was told
    return std::exchange(told, hash) != hash;
  }
  void add_if_news(const char* name, Json part) {
    if (is_news(viewer_.parts_[name], part)) json_[name] = std::move(part);
  }

  // The numbers of places mean others now.
  void begin_epoch() {
    if (std::exchange(viewer_.epoch_, stacks_.epoch()) == stacks_.epoch()) return;
    viewer_.places_.clear();
    viewer_.rows_.clear();
    viewer_.parts_.clear();
    json_["fresh"] = true;
  }

  std::uint32_t tell(std::uint32_t place) {
    if (viewer_.places_.size() <= place) viewer_.places_.resize(place + 1);
    if (!viewer_.places_[place]) {
      viewer_.places_[place] = true;
      const Place& told = stacks_.places()[place];
      places_.push_back({place, detail::printable(told.function, longest_text),
                         detail::printable(told.file, longest_text), told.line});
    }
    return place;
  }

  [[nodiscard]] std::string name_of(std::uint32_t task) const {
    return detail::printable(sample_.tasks[task].task->name, longest_name);
  }

  void add_loops() {
    Json loops = Json::array();
    std::vector<Counts> counts(sample_.view.loops.size());
    for (std::uint32_t i = 0; i < sample_.tasks.size(); ++i)
      counts[sample_.tasks[i].loop].add(i, sample_);
    for (std::size_t i = 0; i < sample_.view.loops.size(); ++i) {
      loops.push_back(loop(sample_.view.loops[i], sample_.rates[i], counts[i]));
    }
    json_["loops"] = std::move(loops);
  }

  struct Counts {
    std::uint64_t running = 0;
    std::uint64_t ready = 0;
    std::uint64_t waiting = 0;
    std::uint32_t runs = ~std::uint32_t{0};  // the task that does
    void add(std::uint32_t task, const Sample& sample) {
      switch (sample.tasks[task].task->state) {
        case State::running:
          ++running;
          runs = task;
          break;
        case State::ready: ++ready; break;
        case State::waiting: ++waiting; break;
      }
    }
  };

  Json loop(const snapshot::LoopView& view, const LoopRate& rate, const Counts& counts) {
    Json json;
    json["id"] = id_of(view.id);
    json["name"] = detail::printable(view.name, longest_name);
    json["thread"] = view.thread;
    json["state"] = !view.running ? "stopped" : view.asleep ? "asleep" : "busy";
    json["lag"] = ms(rate.lag);
    json["busy"] = rate.busy_since == 0 ? 0.0 : ms(sample_.view.at - rate.busy_since);
    if (rate.known) json["rate"] = std::round(rate.steps);
    json["entries"] = view.ready;
    json["timers"] = view.timers;
    json["descriptors"] = view.descriptors;
    json["steps"] = view.steps;
    json["tasks"] = {
        {"running", counts.running}, {"ready", counts.ready}, {"waiting", counts.waiting}};
    if (counts.running > 0) {
      Json runs;
      runs["name"] = name_of(counts.runs);
      const Stacks::Stack& stack = stacks_.stacks()[sample_.tasks[counts.runs].stack];
      if (!stack.places.empty()) runs["place"] = tell(stack.places[stack.where]);
      json["runs"] = std::move(runs);
    }
    return json;
  }

  void add_circles() {
    constexpr std::size_t most_circles = 5;
    constexpr std::size_t most_members = 8;
    Json circles = Json::array();
    for (const std::vector<std::uint32_t>& circle : graph_.circles()) {
      if (circles.size() == most_circles) break;
      Json members = Json::array();
      for (std::size_t i = 0; i < std::min(circle.size(), most_members); ++i) {
        const TaskRow& row = sample_.tasks[circle[i]];
        Json member;
        member["name"] = name_of(circle[i]);
        const Stacks::Stack& stack = stacks_.stacks()[row.stack];
        if (!stack.waits_for.empty())
          member["what"] = detail::printable(stack.waits_for, longest_text);
        if (!stack.places.empty()) member["place"] = tell(stack.places[stack.where]);
        members.push_back(std::move(member));
      }
      circles.push_back({{"size", circle.size()}, {"members", std::move(members)}});
    }
    add_if_news("circles", {{"count", graph_.circles().size()}, {"shown", std::move(circles)}});
  }

  // Those that are new or have changed, and the order of all of them, if that has.
  void add_rows(const std::vector<std::uint32_t>& tasks) {
    Json changed = Json::array();
    Json order = Json::array();
    std::unordered_map<std::uint64_t, std::size_t> told;
    for (const std::uint32_t task : tasks) {
      const std::uint64_t id = sample_.tasks[task].task->id;
      const auto known = viewer_.rows_.find(id);
      std::size_t hash = known == viewer_.rows_.end() ? 0 : known->second;
      Json row = row_of(task);
      order.push_back(row["id"]);
      if (is_news(hash, row)) changed.push_back(std::move(row));
      told[id] = hash;
    }
    viewer_.rows_ = std::move(told);
    json_["rows"] = std::move(changed);
    add_if_news("order", std::move(order));
  }

  Json row_of(std::uint32_t task) {
    const TaskRow& row = sample_.tasks[task];
    const Stacks::Stack& stack = stacks_.stacks()[row.stack];
    Json json;
    json["id"] = id_of(row.task->id);
    json["name"] = name_of(task);
    json["state"] = state_of(row.task->state);
    json["loop"] = row.loop;
    json["since"] = ms(row.since);
    if (row.longer) json["longer"] = true;
    if (!stack.waits_for.empty()) json["what"] = detail::printable(stack.waits_for, longest_text);
    if (row.counted) {
      json["steps"] = row.steps;
      json["cpu"] = ms(row.cpu);
    }
    json["where"] = stack.where;
    json["frames"] = Json::array();
    for (const std::uint32_t place : stack.places) json["frames"].push_back(tell(place));
    if (graph_.circle_of(task) != 0) json["circle"] = graph_.circle_of(task);
    constexpr std::size_t most_awaited = 20;
    Json awaits = Json::array();
    for (const WaitGraph::Edge& edge : graph_.edges(task)) {
      if (awaits.size() == most_awaited) break;
      awaits.push_back({{"name", name_of(edge.to)}, {"lock", edge.by_lock}});
    }
    if (!awaits.empty()) {
      json["awaits"] = std::move(awaits);
      json["awaited"] = graph_.edges(task).size();
    }
    return json;
  }

  void add_tree(const std::vector<std::uint32_t>& selected) {
    const std::vector<std::uint32_t> roots = viewer_.query_.text.empty() && !viewer_.query_.state
                                                 ? roots_of(graph_, all_tasks())
                                                 : selected;
    std::vector<std::uint32_t> tasks;
    Json lines = Json::array();
    for (const TreeNode& node : list_trees(graph_, roots, most_lines)) {
      constexpr const char* kinds[] = {"", "seen", "circle"};
      lines.push_back({id_of(sample_.tasks[node.task].task->id), node.depth,
                       kinds[static_cast<int>(node.kind)], node.by_lock, node.hidden});
      tasks.push_back(node.task);
    }
    std::sort(tasks.begin(), tasks.end());
    tasks.erase(std::unique(tasks.begin(), tasks.end()), tasks.end());
    add_rows(tasks);
    add_if_news("tree", std::move(lines));
  }
  [[nodiscard]] std::vector<std::uint32_t> all_tasks() const {
    std::vector<std::uint32_t> all(sample_.tasks.size());
    for (std::uint32_t i = 0; i < all.size(); ++i) all[i] = i;
    return all;
  }

  void add_flame() {
    Json boxes = Json::array();
    for (const FlameNode& node : list_flame(stacks_, most_boxes)) {
      const double waited = std::round(node.waited * 1000) / 1000;
      if (node.place != FlameNode::none) {
        boxes.push_back({node.depth, tell(node.place), node.tasks, waited});
      } else {
        boxes.push_back(
            {node.depth, -1, node.tasks, waited, detail::printable(node.what, longest_text)});
      }
    }
    add_if_news("flame", std::move(boxes));
  }

  Viewer& viewer_;
  const Sample& sample_;
  const Stacks& stacks_;
  const WaitGraph& graph_;
  Json json_;
  Json places_ = Json::array();
};

std::string Viewer::describe(const Sampler& sampler, const WaitGraph& graph) {
  return Message(*this, sampler, graph).text();
}

}  // namespace asyncio::dashboard
