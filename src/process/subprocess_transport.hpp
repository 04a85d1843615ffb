#pragma once

#include <asyncio/subprocess_protocol.hpp>

#include "process/child.hpp"
#include "process/spawn_plan.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace asyncio::detail {

/// A child, its pipes, and the protocol that is told of them. What happens before connection_made()
/// is told after it.
///
/// Lifetime: itself until connection_lost(), or the loop's end.
class SubprocessTransportState final : private ChildObserver {
 public:
  using Connected = ConnectedSubprocess<SubprocessProtocol>;
  static Coro<Connected> start(EventLoop& loop, ProtocolPtr<SubprocessProtocol> protocol,
                               SpawnPlan plan);

  void add_ref() noexcept { ++users_; }
  void drop_ref() noexcept {
    if (--users_ == 0) delete this;
  }

  [[nodiscard]] Child& child() const noexcept { return *child_; }
  [[nodiscard]] std::optional<Transport> pipe(int fd) const;
  void close() noexcept;
  [[nodiscard]] bool is_closing() const noexcept { return closed_; }
  void set_protocol(ProtocolPtr<SubprocessProtocol> protocol);
  [[nodiscard]] SubprocessProtocol* protocol() const noexcept { return protocol_.get(); }

 private:
  class PipeProtocol;
  class Starting;
  using Call = UniqueFunction<void()>;
  struct Pipe {
    std::optional<Transport> transport;
    bool is_open = false;
  };

  SubprocessTransportState(EventLoop& loop, Ref<Child> child,
                           ProtocolPtr<SubprocessProtocol> protocol);
  ~SubprocessTransportState();
  Coro<> connect(SpawnPlan::Started started);
  void connect_pipes(SpawnPlan::Started& started);
  void begin();
  void give_up() noexcept;
  /// In a turn of its own.
  template <class F>
  void tell(const F& what);
  template <class F>
  void tell_now(const F& what);
  void data_received(int fd, std::string_view data);
  void pipe_lost(int fd, std::exception_ptr error);
  void exited() override;
  void loop_closing() noexcept override;
  void finish_if_over();

  EventLoop& loop_;
  Ref<Child> child_;
  ProtocolPtr<SubprocessProtocol> protocol_;
  Pipe pipes_[3];
  std::vector<Call> before_begin_;
  unsigned users_ = 1;
  bool begun_ = false;
  bool closed_ = false;
  bool over_ = false;
};

}  // namespace asyncio::detail
