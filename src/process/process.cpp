#include <asyncio/error.hpp>
#include <asyncio/gather.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/subprocess.hpp>

#include "io/system_process.hpp"
#include "net/pipe_end.hpp"
#include "net/stream_state.hpp"
#include "process/process_state.hpp"

#include <fmt/format.h>

#include <system_error>
#include <utility>

namespace asyncio::detail {

using subprocess::Output;
using subprocess::Process;

namespace {

asyncio::Connection connect(LoopState& loop, OwnedFd& fd, bool reads, std::size_t limit) {
  std::unique_ptr<Endpoint> endpoint = loop.backend().open(fd.get(), Descriptor::pipe);
  (void)fd.release();
  std::unique_ptr<ByteStream> end;
  if (reads) {
    end = std::make_unique<PipeReadEnd>(std::move(endpoint), sys::FileKind::pipe);
  } else {
    end = std::make_unique<PipeWriteEnd>(std::move(endpoint));
  }
  return handles_of(Ref<StreamState>::adopt(new StreamState(loop, std::move(end), limit)));
}

}  // namespace

// --- its life -----------------------------------------------------------------------------------

Process ProcessState::start(LoopState& loop, const SpawnPlan& plan) {
  SpawnPlan::Started started = plan.start();
  const Ref<Child> child = Child::watch(loop, started.pid, plan.abandon, plan.terminate_delay);
  try {
    auto state = Ref<ProcessState>::adopt(new ProcessState(child, plan.abandon_at_once));
    for (int i = 0; i < 3; ++i) {
      if (!started.pipes[i]) continue;
      state->streams_[i].emplace(connect(loop, started.pipes[i], i != 0, plan.limit));
    }
    return Process(std::move(state));
  } catch (...) {
    child->kill();  // nobody has seen it
    throw;
  }
}

ProcessState::~ProcessState() {
  for (const auto& stream : streams_) {
    if (stream) stream->writer.close();
  }
  child_->abandon();
}

Coro<int> ProcessState::wait() {
  const Ref<ProcessState> self(this);
  co_await child_->ended.wait();
  co_return child_->returncode().value();
}

// --- communicate() ------------------------------------------------------------------------------

namespace {

// A child need not read what it is given.
bool is_gone(const std::system_error& error) {
  return error.code() == std::errc::broken_pipe || error.code() == std::errc::connection_reset;
}

Coro<> feed(std::optional<asyncio::Connection> to, std::string input) {
  if (!to) co_return;
  constexpr std::size_t at_once = std::size_t{256} * 1024;
  try {
    for (std::size_t at = 0; at < input.size(); at += at_once) {
      to->writer.write(std::string_view(input).substr(at, at_once));
      co_await to->writer.drain();
    }
  } catch (const std::system_error& error) {
    if (!is_gone(error)) throw;
  }
  to->writer.close();
}

Coro<std::optional<std::string>> read_all(std::optional<asyncio::Connection> from) {
  if (!from) co_return std::nullopt;
  std::string all = co_await from->reader.read();
  co_return all;
}

}  // namespace

Coro<Output> ProcessState::communicate(std::string input) {
  const Ref<ProcessState> self(this);
  if (!input.empty() && !streams_[0]) {
    throw RuntimeError(
        "communicate(): there is input, and stdin_ is no PIPE; start the process with "
        "{.stdin_ = asyncio::subprocess::PIPE}");
  }
  try {
    Coro<> fed = feed(streams_[0], std::move(input));
    Coro<std::optional<std::string>> out = read_all(streams_[1]);
    Coro<std::optional<std::string>> err = read_all(streams_[2]);
    auto all = co_await gather(std::move(fed), std::move(out), std::move(err));
    co_await child_->ended.wait();
    co_return Output{std::move(std::get<1>(all)), std::move(std::get<2>(all))};
  } catch (const CancelledError&) {
    if (abandon_at_once_) child_->abandon();
    throw;
  }
}

Coro<Process> start_process(SpawnPlan plan) {
  co_await sleep(Duration());  // others have their turn between many
  co_return ProcessState::start(LoopAccess::state(get_running_loop()), plan);
}

}  // namespace asyncio::detail

namespace asyncio {

namespace subprocess {

Process::Process(detail::Ref<detail::ProcessState> state) noexcept : state_(std::move(state)) {
  if (const auto& in = state_->streams_[0]) stdin_ = in->writer;
  if (const auto& out = state_->streams_[1]) stdout_ = out->reader;
  if (const auto& err = state_->streams_[2]) stderr_ = err->reader;
}
Process::Process(const Process&) noexcept = default;
Process& Process::operator=(Process other) noexcept {
  std::swap(state_, other.state_);
  std::swap(stdin_, other.stdin_);
  std::swap(stdout_, other.stdout_);
  std::swap(stderr_, other.stderr_);
  return *this;
}
Process::~Process() = default;

int Process::pid() const noexcept { return state_->child().pid(); }
std::optional<int> Process::returncode() const noexcept { return state_->child().returncode(); }
std::string Process::repr() const { return fmt::format("<Process {}>", pid()); }
void Process::send_signal(int signal) const { state_->child().send_signal(signal); }
void Process::terminate() const { send_signal(detail::sys::sigterm); }
void Process::kill() const { send_signal(detail::sys::sigkill); }
Coro<int> Process::wait() const { return state_->wait(); }
Coro<Output> Process::communicate(std::string input) const {
  return state_->communicate(std::move(input));
}

}  // namespace subprocess

Coro<subprocess::Process> create_subprocess_exec(Args args, subprocess::Options options) {
  return detail::start_process(
      detail::SpawnPlan("create_subprocess_exec()", std::move(args), options, subprocess::INHERIT));
}

Coro<subprocess::Process> create_subprocess_shell(std::string_view command,
                                                  subprocess::Options options) {
  return detail::start_process(detail::SpawnPlan(
      "create_subprocess_shell()", Args("/bin/sh", "-c", command), options, subprocess::INHERIT));
}

}  // namespace asyncio
