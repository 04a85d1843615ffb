#include "process/subprocess_transport.hpp"
#include "io/system_process.hpp"
#include "net/pipe.hpp"

#include <asyncio/as_result.hpp>
#include <asyncio/error.hpp>
#include <asyncio/sleep.hpp>

#include <fmt/format.h>

#include <memory>
#include <utility>

namespace asyncio::detail {

/// Of one of the pipes.
class SubprocessTransportState::PipeProtocol final : public Protocol {
 public:
  PipeProtocol(SubprocessTransportState& process, int fd) : process_(&process), fd_(fd) {}

  void data_received(std::string_view data) override { process_->data_received(fd_, data); }
  void connection_lost(std::exception_ptr error) override {
    const Ref<SubprocessTransportState> process = std::exchange(process_, {});
    process->pipe_lost(fd_, std::move(error));
  }
  void pause_writing() override {
    if (SubprocessProtocol* protocol = process_->protocol()) protocol->pause_writing();
  }
  void resume_writing() override {
    if (SubprocessProtocol* protocol = process_->protocol()) protocol->resume_writing();
  }

 private:
  Ref<SubprocessTransportState> process_;
  int fd_;
};

// --- its beginning ------------------------------------------------------------------------------

SubprocessTransportState::SubprocessTransportState(EventLoop& loop, Ref<Child> child,
                                                   ProtocolPtr<SubprocessProtocol> protocol)
    : loop_(loop), child_(std::move(child)), protocol_(protocol) {
  child_->observer = this;
  add_ref();  // until it is over
}

SubprocessTransportState::~SubprocessTransportState() { child_->observer = nullptr; }

/// Until it is known to the protocol: whatever ends that, the child is not left alone.
class SubprocessTransportState::Starting {
 public:
  explicit Starting(Ref<Child> child) noexcept : child_(std::move(child)) {}
  Starting(const Starting&) = delete;
  Starting& operator=(const Starting&) = delete;
  ~Starting() {
    if (child_) give_up();
  }
  void give_up() noexcept {
    if (state) state->give_up();
    child_->kill();
    child_ = {};
  }
  Ref<SubprocessTransportState> done() noexcept {
    child_ = {};
    return std::move(state);
  }

  Ref<SubprocessTransportState> state;

 private:
  Ref<Child> child_;
};

auto SubprocessTransportState::start(EventLoop& loop, ProtocolPtr<SubprocessProtocol> protocol,
                                     SpawnPlan plan) -> Coro<Connected> {
  SpawnPlan::Started started = plan.start();
  LoopState& loop_state = LoopAccess::state(loop);
  Ref<Child> child = Child::watch(loop_state, started.pid, plan.abandon, plan.terminate_delay);
  Starting starting(child);
  starting.state =
      Ref<SubprocessTransportState>::adopt(new SubprocessTransportState(loop, child, protocol));
  Coro<> connecting = starting.state->connect(std::move(started));
  auto connected = co_await as_result(std::move(connecting));
  if (!connected) {
    starting.give_up();
    co_await child->ended.wait();
    connected.value();
  }
  co_return Connected{SubprocessTransport(starting.done()), protocol};
}

Coro<> SubprocessTransportState::connect(SpawnPlan::Started started) {
  connect_pipes(started);
  co_await sleep(Duration());  // the pipes are told first
  begin();
  co_await sleep(Duration());  // connection_made() comes first
}

void SubprocessTransportState::connect_pipes(SpawnPlan::Started& started) {
  constexpr const char* who = "subprocess_exec()";
  LoopState& loop = LoopAccess::state(loop_);
  for (int fd = 0; fd < 3; ++fd) pipes_[fd].is_open = static_cast<bool>(started.pipes[fd]);
  for (int fd = 0; fd < 3; ++fd) {
    OwnedFd& end = started.pipes[fd];
    if (!end) continue;
    const AnyProtocol protocol(ProtocolPtr<Protocol>(new PipeProtocol(*this, fd)));
    const auto make = fd == 0 ? &make_write_pipe : &make_read_pipe;
    Ref<ProtocolTransport> made = make(loop, protocol, end, sys::FileKind::pipe, who);
    pipes_[fd].transport.emplace(TransportAccess::make(std::move(made)));
  }
}

void SubprocessTransportState::begin() {
  begun_ = true;
  const Ref<SubprocessTransportState> self(this);
  loop_.call_soon([self] { self->protocol_->connection_made(SubprocessTransport(self)); });
  for (Call& call : std::exchange(before_begin_, {})) {
    loop_.call_soon([self, later = std::move(call)] { later(); });
  }
}

// --- what happens -------------------------------------------------------------------------------

// Nothing is lost without memory for a turn of its own: it is told at once then.
template <class F>
void SubprocessTransportState::tell(const F& what) {
  try {
    Call call([this, what] {
      if (protocol_) what(*protocol_);
    });
    if (begun_) {
      loop_.call_soon(
          [self = Ref<SubprocessTransportState>(this), now = std::move(call)] { now(); });
    } else {
      before_begin_.push_back(std::move(call));
    }
  } catch (const std::bad_alloc&) {
    tell_now(what);
  }
}

template <class F>
void SubprocessTransportState::tell_now(const F& what) {
  if (!protocol_) return;
  const ProtocolPtr<SubprocessProtocol> protocol = protocol_;
  try {
    what(*protocol);
  } catch (const KeyboardInterrupt&) {
    throw;
  } catch (...) {
    ExceptionContext context;
    context.exception = std::current_exception();
    LoopAccess::state(loop_).report(context);
  }
}

void SubprocessTransportState::data_received(int fd, std::string_view data) {
  // Shared, so that what is told keeps its copy when there is no memory for more.
  const auto copy = std::make_shared<const std::string>(data);
  tell([fd, copy](SubprocessProtocol& protocol) { protocol.pipe_data_received(fd, *copy); });
}

void SubprocessTransportState::pipe_lost(int fd, std::exception_ptr error) {
  pipes_[fd].is_open = false;
  tell([fd, error](SubprocessProtocol& protocol) { protocol.pipe_connection_lost(fd, error); });
  finish_if_over();
}

void SubprocessTransportState::exited() {
  tell([](SubprocessProtocol& protocol) { protocol.process_exited(); });
  finish_if_over();
}

// --- its end ------------------------------------------------------------------------------------

// It could not be connected: nobody is told of anything.
void SubprocessTransportState::give_up() noexcept {
  protocol_ = {};
  begun_ = true;
  before_begin_.clear();
  for (Pipe& pipe : pipes_) pipe.is_open = pipe.transport.has_value();
  close();
}

void SubprocessTransportState::close() noexcept {
  if (std::exchange(closed_, true)) return;
  const Ref<SubprocessTransportState> self(this);
  for (const Pipe& pipe : pipes_) {
    if (pipe.transport) pipe.transport->close();
  }
  if (child_->is_running()) child_->kill();
}

void SubprocessTransportState::finish_if_over() {
  if (child_->is_running() || over_) return;
  for (const Pipe& pipe : pipes_) {
    if (pipe.is_open) return;
  }
  over_ = true;
  tell([this](SubprocessProtocol& protocol) {
    closed_ = true;
    const ProtocolPtr<SubprocessProtocol> last = std::exchange(protocol_, {});
    protocol.connection_lost(nullptr);
  });
  drop_ref();
}

void SubprocessTransportState::loop_closing() noexcept {
  if (std::exchange(over_, true)) return;
  protocol_ = {};
  drop_ref();
}

std::optional<Transport> SubprocessTransportState::pipe(int fd) const {
  if (fd < 0 || fd > 2) return std::nullopt;
  return pipes_[fd].transport;
}

void SubprocessTransportState::set_protocol(ProtocolPtr<SubprocessProtocol> protocol) {
  if (!protocol) {
    throw_invalid_argument("set_protocol(): the protocol is null; give one that is not");
  }
  protocol_ = protocol;
}

Coro<ConnectedSubprocess<SubprocessProtocol>> start_subprocess(EventLoop& loop,
                                                               SubprocessFactory factory, Args args,
                                                               subprocess::Options options) {
  SpawnPlan plan("subprocess_exec()", std::move(args), options, subprocess::PIPE);
  ProtocolPtr<SubprocessProtocol> protocol = factory();
  return SubprocessTransportState::start(loop, protocol, std::move(plan));
}

}  // namespace asyncio::detail

namespace asyncio {

SubprocessTransport::SubprocessTransport(
    detail::Ref<detail::SubprocessTransportState> state) noexcept
    : state_(std::move(state)) {}
SubprocessTransport::SubprocessTransport(const SubprocessTransport&) noexcept = default;
SubprocessTransport& SubprocessTransport::operator=(SubprocessTransport other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}
SubprocessTransport::~SubprocessTransport() = default;

int SubprocessTransport::get_pid() const noexcept { return state_->child().pid(); }
std::optional<int> SubprocessTransport::get_returncode() const noexcept {
  return state_->child().returncode();
}
std::optional<Transport> SubprocessTransport::get_pipe_transport(int fd) const {
  return state_->pipe(fd);
}
void SubprocessTransport::send_signal(int signal) const { state_->child().send_signal(signal); }
void SubprocessTransport::terminate() const { send_signal(detail::sys::sigterm); }
void SubprocessTransport::kill() const { send_signal(detail::sys::sigkill); }
void SubprocessTransport::close() const noexcept { state_->close(); }
bool SubprocessTransport::is_closing() const noexcept { return state_->is_closing(); }
void SubprocessTransport::set_protocol(ProtocolPtr<SubprocessProtocol> protocol) const {
  state_->set_protocol(protocol);
}
SubprocessProtocol* SubprocessTransport::get_protocol() const noexcept {
  return state_->protocol();
}
std::string SubprocessTransport::repr() const {
  const std::optional<int> code = get_returncode();
  return fmt::format("<SubprocessTransport{} pid={} {}>", is_closing() ? " closed" : "", get_pid(),
                     code ? fmt::format("returncode={}", *code) : "running");
}

}  // namespace asyncio
