#include "net/server_task.hpp"

#include <asyncio/event_loop.hpp>
#include <asyncio/exception_context.hpp>

#include "net/server_state.hpp"
#include "net/stream_state.hpp"

#include <utility>

namespace asyncio::detail {

HandledConnection::HandledConnection(const StreamWriter& writer) noexcept : writer_(writer) {
  StreamAccess::state(writer_).begin_handler();
}

HandledConnection::~HandledConnection() {
  StreamAccess::state(writer_).end_handler();
  writer_.close();
}

// The server stays until the last of its tasks has ended.
ServerTask::ServerTask(ServerState& server, const Address& peer,
                       const std::optional<StreamWriter>& writer)
    : WaitCall(&ServerTask::done), server_(server), peer_(peer) {
  if (writer) connection_.emplace(*writer);
  server.loop().ready.reserve();
  server.running_tasks.enter(*this);
  server.attach();
}

ServerTask::~ServerTask() {
  unlink();
  server_.loop().ready.unreserve();
  server_.running_tasks.leave(*this);
  connection_.reset();
  server_.detach();
}

void ServerTask::start(ServerState& server, Coro<> coro, const Address& peer,
                       const std::optional<StreamWriter>& writer) {
  Task<> task = server.loop().loop->create_task(std::move(coro));
  auto* own = new ServerTask(server, peer, writer);
  own->task_.emplace(task);
  FutureAccess::state(task).notify(*own);
}

void ServerTask::abandon() noexcept {
  if (connection_) connection_->writer().abort();
  delete this;
}

void ServerTask::done(ReadyCall& self, ReadyAction action) {
  if (action == ReadyAction::queued) return;  // it lives until its turn
  auto* own = static_cast<ServerTask*>(static_cast<WaitCall*>(&self));
  if (action == ReadyAction::run) own->report_error();
  delete own;
}

void ServerTask::report_error() {
  FutureState& state = FutureAccess::state(*task_);
  if (!state.failed()) return;
  const Failure failure = state.take_failure();
  ExceptionContext context;
  context.message = "Unhandled exception in client_connected_cb, connection with " +
                    peer_.unpacked().str() + " is closed";
  remember(failure);
  context.exception = failure.error;
  context.task = *task_;
  server_.loop().report(context);
}

}  // namespace asyncio::detail
