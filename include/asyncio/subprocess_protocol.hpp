#pragma once

#include <asyncio/detail/unique_function.hpp>
#include <asyncio/subprocess.hpp>
#include <asyncio/transports.hpp>

#include <concepts>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace asyncio {

class SubprocessTransport;

namespace detail {
class SubprocessTransportState;
}  // namespace detail

/// Is told what a child process does, each time in a turn of the loop of its own.
///
/// Python: asyncio.SubprocessProtocol
class SubprocessProtocol : public BaseProtocol {
 public:
  /// First, and once. connection_lost() comes last, when the child has ended and all of its pipes
  /// are closed.
  virtual void connection_made(const SubprocessTransport& /*transport*/) {}
  /// The child has written to its descriptor 1 or 2. Lifetime: of `data`, this call.
  virtual void pipe_data_received(int /*fd*/, std::string_view /*data*/) {}
  /// One of the pipes is closed, by either side. Null: nothing was wrong.
  virtual void pipe_connection_lost(int /*fd*/, std::exception_ptr /*error*/) {}
  /// The child has ended. More may come from its pipes.
  virtual void process_exited() {}
};

/// A child process that calls a protocol. A shared handle; the child goes on when it is dropped.
///
/// Python: asyncio.SubprocessTransport
/// Threads: the loop's.
class SubprocessTransport {
 public:
  SubprocessTransport(const SubprocessTransport& other) noexcept;
  SubprocessTransport& operator=(SubprocessTransport other) noexcept;
  ~SubprocessTransport();

  [[nodiscard]] int get_pid() const noexcept;
  /// As subprocess::Process::returncode().
  [[nodiscard]] std::optional<int> get_returncode() const noexcept;
  /// Of the pipe to the child's descriptor 0, 1 or 2; nothing if that is no pipe.
  [[nodiscard]] std::optional<Transport> get_pipe_transport(int fd) const;

  /// Throws: std::system_error (no_such_process) when its end has been seen.
  void send_signal(int signal) const;
  void terminate() const;
  void kill() const;

  /// Closes the pipes, and kills the child if it runs. Idempotent.
  void close() const noexcept;
  [[nodiscard]] bool is_closing() const noexcept;
  /// The next calls go to it. Throws: std::invalid_argument for null.
  void set_protocol(ProtocolPtr<SubprocessProtocol> protocol) const;
  /// Null after connection_lost().
  [[nodiscard]] SubprocessProtocol* get_protocol() const noexcept;
  /// "<SubprocessTransport pid=4711 returncode=0>"
  [[nodiscard]] std::string repr() const;

 private:
  friend class detail::SubprocessTransportState;
  explicit SubprocessTransport(detail::Ref<detail::SubprocessTransportState> state) noexcept;
  detail::Ref<detail::SubprocessTransportState> state_;
};

/// What EventLoop::subprocess_exec() gives.
template <class P>
struct ConnectedSubprocess {
  SubprocessTransport transport;
  ProtocolPtr<P> protocol;
};

namespace detail {

using SubprocessFactory = UniqueFunction<ProtocolPtr<SubprocessProtocol>()>;

template <class F>
SubprocessFactory subprocess_factory(F factory) {
  static_assert(std::derived_from<ProtocolOf<F>, SubprocessProtocol>,
                "subprocess_exec() needs a factory of a SubprocessProtocol");
  return SubprocessFactory([factory = std::move(factory)]() mutable {
    return ProtocolPtr<SubprocessProtocol>(ProtocolPtr<ProtocolOf<F>>(factory()));
  });
}

Coro<ConnectedSubprocess<SubprocessProtocol>> start_subprocess(EventLoop& loop,
                                                               SubprocessFactory factory, Args args,
                                                               subprocess::Options options);

template <class P>
Coro<ConnectedSubprocess<P>> started_as(Coro<ConnectedSubprocess<SubprocessProtocol>> starting) {
  ConnectedSubprocess<SubprocessProtocol> any = co_await std::move(starting);
  co_return ConnectedSubprocess<P>{any.transport,
                                   ProtocolPtr<P>(static_cast<P*>(any.protocol.get()))};
}

}  // namespace detail

template <class F>
Coro<ConnectedSubprocess<detail::ProtocolOf<F>>> EventLoop::subprocess_exec(
    F factory, Args args, subprocess::Options options) {
  return detail::started_as<detail::ProtocolOf<F>>(detail::start_subprocess(
      *this, detail::subprocess_factory(std::move(factory)), std::move(args), options));
}

template <class F>
Coro<ConnectedSubprocess<detail::ProtocolOf<F>>> EventLoop::subprocess_exec(F factory, Args args) {
  return subprocess_exec(std::move(factory), std::move(args), subprocess::Options());
}

template <class F>
Coro<ConnectedSubprocess<detail::ProtocolOf<F>>> EventLoop::subprocess_shell(
    F factory, std::string_view command, subprocess::Options options) {
  return subprocess_exec(std::move(factory), Args("/bin/sh", "-c", command), options);
}

template <class F>
Coro<ConnectedSubprocess<detail::ProtocolOf<F>>> EventLoop::subprocess_shell(
    F factory, std::string_view command) {
  return subprocess_shell(std::move(factory), command, subprocess::Options());
}

}  // namespace asyncio
