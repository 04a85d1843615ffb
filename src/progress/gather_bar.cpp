#include <asyncio/progress.hpp>

#include "progress/bar.hpp"

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace asyncio::detail {

/// The bar of a gather(), and the nodes by which it learns of the children's ends and of its own.
///
/// Life: a reference of each node that is in a list or in the queue, and one of the GatherBar's.
/// It holds no future: each of them tells its nodes when it ends, or goes without having ended.
class GatherProgress {
 public:
  GatherProgress(const GatherCore& children, const progress::GatherOptions& options)
      : loop_(children.scheduler()), end_(*this, nullptr) {
    nodes_.reserve(children.size());
    for (std::size_t i = 0; i < children.size(); ++i)
      nodes_.emplace_back(*this, &children.child(i));
    const auto total = static_cast<std::int64_t>(children.size());
    bar_.emplace(options.description, total, options.progress, options.output);
    loop_.ready.reserve(nodes_.size() + 1);  // nothing throws behind this
    for (Node& node : nodes_) watch(node, *node.child);
  }

  void ends_with(FutureState& gathered) noexcept { watch(end_, gathered); }
  /// There is no result that it could end with.
  void give_up() noexcept {
    loop_.ready.unreserve();
    bar_.reset();
  }
  void drop() noexcept {
    if (--references_ == 0) delete this;
  }

 private:
  struct Node : WaitCall {
    Node(GatherProgress& of, FutureState* of_child) noexcept
        : WaitCall(&GatherProgress::done), owner(&of), child(of_child) {}
    GatherProgress* owner;
    FutureState* child;  // null: the result's node, which asks it nothing
    Hold<FutureState> queued;
  };

  void watch(Node& node, FutureState& future) noexcept;
  static void done(ReadyCall& call, ReadyAction action);
  void take(Node& node) noexcept;

  Scheduler& loop_;
  std::size_t references_ = 1;
  Node end_;
  std::vector<Node> nodes_;
  std::optional<OwnBar> bar_;  // until the result is there
};

void GatherProgress::watch(Node& node, FutureState& future) noexcept {
  if (future.done()) {  // a turn of its own would come too late, the result may be there before
    loop_.ready.unreserve();
    take(node);
    return;
  }
  ++references_;
  future.notify(node);
}

void GatherProgress::done(ReadyCall& call, ReadyAction action) {
  auto& node = static_cast<Node&>(static_cast<WaitCall&>(call));
  if (action == ReadyAction::queued) {
    node.queued = Hold<FutureState>(node.child);
    return;
  }
  GatherProgress& self = *node.owner;
  self.loop_.ready.unreserve();
  const Hold<FutureState> held = std::move(node.queued);
  if (action == ReadyAction::run || node.child == nullptr) self.take(node);
  self.drop();
}

void GatherProgress::take(Node& node) noexcept {
  if (node.child == nullptr) {
    bar_.reset();
  } else if (bar_) {
    bar_->task().bar_->child_ended(*node.child);
  }
}

GatherBar::GatherBar(const GatherCore& children, const progress::GatherOptions& options)
    : shown_(new GatherProgress(children, options)) {}

GatherBar::~GatherBar() {
  if (shown_ == nullptr) return;
  shown_->give_up();
  shown_->drop();
}

void GatherBar::ends_with(FutureState& gathered) noexcept {
  GatherProgress* shown = std::exchange(shown_, nullptr);
  shown->ends_with(gathered);
  shown->drop();
}

}  // namespace asyncio::detail
