#pragma once

#include <asyncio/detail/unique_function.hpp>
#include <asyncio/duration.hpp>
#include <asyncio/exception_context.hpp>
#include <asyncio/handle.hpp>
#include <asyncio/task.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <source_location>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#if __has_include(<bits/unique_ptr.h>)
#include <bits/unique_ptr.h>  // <memory> would cost 8,000 lines more
#else
#include <memory>
#endif

namespace asyncio {

class Address;
class BufferedProtocol;
class Args;
class Executor;
class Observer;
class ProcessPoolExecutor;
namespace cluster {
class ClusterExecutor;
}  // namespace cluster
class Protocol;
template <class P>
class ProtocolPtr;
class Server;
class Resolver;
class Socket;
template <class P>
struct Connected;
template <class P>
struct ConnectedDatagram;
template <class P>
struct ConnectedSubprocess;
struct ConnectionOptions;
struct DatagramOptions;
struct ServerOptions;
struct StartTlsOptions;
class ThreadPoolExecutor;
struct NameInfo;
struct NameInfoOptions;
struct ResolveOptions;
class Transport;

namespace ssl {
class Context;
}

namespace subprocess {
struct Options;
}

namespace detail {
class Backend;
class SockAccept;
class SockConnect;
class SockRecv;
class SockRecvFrom;
class SockRecvFromInto;
class SockRecvInto;
class SockSendAll;
class SockSendTo;
template <class F>
using ProtocolOf = std::remove_reference_t<decltype(*std::declval<std::invoke_result_t<F&>>())>;
class LoopState;
struct LoopAccess;

/// A callable that the loop can run later: void(), and not one that makes a coroutine, which
/// nobody would await.
template <class F>
concept LoopCallback =
    std::invocable<std::decay_t<F>&> && !Awaitable<std::invoke_result_t<std::decay_t<F>&>>;
}  // namespace detail

/// Calls back when things are ready: timers, descriptors, callbacks of other threads, tasks.
///
/// Python: asyncio.AbstractEventLoop, as BaseEventLoop implements it
/// Threads: one at a time runs it; the methods belong to that thread, except
/// call_soon_threadsafe(), is_running() and is_closed().
/// Lifetime: destroying it closes it; an unclosed one is reported. Futures may outlive it.
class EventLoop : public detail::CreatesTasks<EventLoop> {
 public:
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;
  ~EventLoop();

  // --- running ---

  /// Runs until stop() is called.
  ///
  /// Throws: RuntimeError if this or another loop runs on this thread, or it is closed;
  /// KeyboardInterrupt as soon as a task or callback throws it.
  void run_forever();

  /// Runs until `awaitable` is done; a coroutine becomes a task.
  ///
  /// Returns: its result, moved out if it was given as an rvalue.
  /// Throws: its error; RuntimeError if the loop is stopped before, and as run_forever();
  /// std::invalid_argument for a future of another loop.
  template <Awaitable A>
  std::remove_cvref_t<await_result_t<A>> run_until_complete(
      A&& awaitable, std::source_location where = std::source_location::current());

  /// Lets the current iteration end and then makes run_forever() return.
  void stop() noexcept;
  [[nodiscard]] bool is_running() const noexcept;
  /// Idempotent. Discards what is scheduled and destroys what is pending, with a report for each
  /// task; does not wait for the default executor's threads.
  ///
  /// Throws: RuntimeError while it runs.
  void close();
  [[nodiscard]] bool is_closed() const noexcept;

  // --- running inside a foreign loop ---

  /// One iteration: polls (at most this long), then runs what is ready. For a foreign loop that
  /// polls fd() and wakes by next_deadline().
  void poll_once(Duration at_most = {});
  /// When poll_once() wants to be called again: in the past if something is ready now, nothing if
  /// only a descriptor or another thread can make work.
  [[nodiscard]] std::optional<TimePoint> next_deadline() const;
  /// Readable when poll_once() has work that came from outside.
  [[nodiscard]] int fd() const;

  // --- time and callbacks ---

  /// Monotonic; the virtual clock's time under testing::run().
  [[nodiscard]] TimePoint time() const;

  /// Runs `fn` in the next iteration, after what was scheduled before it.
  ///
  /// Throws: RuntimeError on a closed loop; in debug mode also on a foreign thread.
  template <detail::LoopCallback F>
  Handle call_soon(F&& fn, std::source_location where = std::source_location::current()) {
    return call_soon(std::forward<F>(fn), nullptr, where);
  }
  /// The same in a given context; a null pointer is a copy of the current one.
  template <detail::LoopCallback F>
  Handle call_soon(F&& fn, const Context* context,
                   std::source_location where = std::source_location::current()) {
    detail::HandleState* state = make(std::forward<F>(fn), where);
    soon(*state, context);
    return Handle(detail::Ref<detail::HandleState>::adopt(state));
  }

  /// Units: any chrono duration; due at once when it is not positive, never when it is
  /// Duration::max(). Callbacks with equal deadlines run in the order in which they were scheduled.
  template <detail::LoopCallback F>
  TimerHandle call_later(Duration delay, F&& fn,
                         std::source_location where = std::source_location::current()) {
    return schedule("call_later()", deadline_after(delay), std::forward<F>(fn), nullptr, where);
  }
  template <detail::LoopCallback F>
  TimerHandle call_later(Duration delay, F&& fn, const Context* context,
                         std::source_location where = std::source_location::current()) {
    return schedule("call_later()", deadline_after(delay), std::forward<F>(fn), context, where);
  }
  template <detail::LoopCallback F>
  TimerHandle call_at(TimePoint when, F&& fn, const Context* context = nullptr,
                      std::source_location where = std::source_location::current()) {
    return schedule("call_at()", when, std::forward<F>(fn), context, where);
  }

  /// call_soon() for other threads: wakes the loop if it sleeps. Callbacks of one thread keep
  /// their order; none is lost.
  ///
  /// Throws: RuntimeError if the loop is closed.
  /// Threads: any.
  template <detail::LoopCallback F>
  Handle call_soon_threadsafe(F&& fn,
                              std::source_location where = std::source_location::current()) {
    detail::HandleState* state = make(std::forward<F>(fn), where);
    soon_threadsafe(*state);
    return Handle(detail::Ref<detail::HandleState>::adopt(state));
  }

  // --- futures and tasks ---

  template <class T = void>
  [[nodiscard]] Future<T> create_future(
      std::source_location where = std::source_location::current()) {
    return Future<T>(*this, where);
  }
  using CreatesTasks::create_task;

  /// Calls `fn` for each task of this loop before it is made; it may change its name, context and
  /// eager start. nullptr: none. A name that it sets must live until create_task() returns.
  ///
  ///     loop.set_task_factory(asyncio::eager_task_factory);
  ///
  /// Python: the factory makes the task itself; here its type depends on the coroutine's
  template <class F>
    requires std::invocable<std::decay_t<F>&, EventLoop&, TaskOptions&>
  void set_task_factory(F&& fn) {
    replace_task_factory(detail::TaskFactory{
        detail::UniqueFunction<void(EventLoop&, TaskOptions&)>(std::forward<F>(fn))});
  }
  void set_task_factory(std::nullptr_t) noexcept;
  [[nodiscard]] bool has_task_factory() const noexcept;

  /// Tells `observer` what the tasks of this loop do, from now on: include <asyncio/observer.hpp>.
  /// Several are told in the order in which they were added.
  ///
  /// Throws: std::invalid_argument if it is there already; RuntimeError on a closed loop.
  /// Lifetime: it must live until it is removed or the loop is closed.
  void add_observer(Observer& observer);
  /// Returns: false if it was not there.
  bool remove_observer(Observer& observer) noexcept;

  // --- descriptors ---

  /// Calls `fn` once per iteration while `fd` is readable (a hang-up or an error counts), until
  /// remove_reader(); replaces the reader that `fd` had.
  ///
  /// Throws: std::invalid_argument for a negative descriptor; std::system_error if it cannot be
  /// polled (a regular file); RuntimeError on a closed loop.
  template <detail::LoopCallback F>
  void add_reader(int fd, F&& fn, std::source_location where = std::source_location::current()) {
    watch(fd, false, make(std::forward<F>(fn), where));
  }
  template <detail::LoopCallback F>
  void add_writer(int fd, F&& fn, std::source_location where = std::source_location::current()) {
    watch(fd, true, make(std::forward<F>(fn), where));
  }
  /// Returns: false if there was none, also on a closed loop. A call that is scheduled already is
  /// cancelled.
  bool remove_reader(int fd) noexcept;
  bool remove_writer(int fd) noexcept;

  // --- sockets: include <asyncio/socket.hpp> ---
  //
  // Each tries the call at once and waits only if it would block. One operation at a time may wait
  // to read, and one to write: another one is a RuntimeError.
  //
  // Throws: std::system_error "connect to 127.0.0.1:80: Connection refused"; RuntimeError if the
  // socket belongs to another loop.
  // Cancellation: nothing that has arrived is lost; of what was to be sent, some may have been.

  /// At most `most` bytes, and at most 256 KiB. Returns: std::string, empty at the end.
  detail::SockRecv sock_recv(Socket& socket, std::size_t most);
  /// Returns: how many bytes; 0 at the end. Lifetime: `into` must live until it has ended.
  detail::SockRecvInto sock_recv_into(Socket& socket, std::span<std::byte> into);
  /// A datagram, cut off at `most` bytes. Returns: ReceivedFrom {data, address}.
  detail::SockRecvFrom sock_recvfrom(Socket& socket, std::size_t most);
  /// The same. Returns: ReceivedFromInto {size, address}. Lifetime: `into` must live until it has
  /// ended.
  detail::SockRecvFromInto sock_recvfrom_into(Socket& socket, std::span<std::byte> into);
  /// Lifetime: `data` must live until it has ended.
  detail::SockSendAll sock_sendall(Socket& socket, std::span<const std::byte> data);
  detail::SockSendAll sock_sendall(Socket& socket, std::string_view data);
  /// Returns: how many bytes. Lifetime: `data` must live until it has ended.
  detail::SockSendTo sock_sendto(Socket& socket, std::string_view data, const Address& to);
  detail::SockConnect sock_connect(Socket& socket, const Address& to);
  /// To the first address that getaddrinfo() finds for this kind of socket.
  Coro<> sock_connect(Socket& socket, std::string_view host, std::uint16_t port);
  /// Returns: Accepted {connection, address}.
  detail::SockAccept sock_accept(Socket& socket);
  /// Sends `count` bytes of a file from `offset` on, or all there are: by the system's sendfile(),
  /// or, where that cannot be, by reading on a thread and sending, if `fallback` allows it.
  /// Afterwards, also after an error or a cancellation, the file's position is behind what was
  /// sent, if it has one.
  ///
  /// Returns: how many bytes; fewer than `count` if the file ends before.
  /// Throws: std::invalid_argument if the socket is no stream, `offset` is negative or `count` is
  /// 0; SendfileNotAvailableError; std::system_error.
  /// Lifetime: `socket` and `file` must live until it has ended.
  [[nodiscard]] Coro<std::size_t> sock_sendfile(Socket& socket, int file, std::int64_t offset = 0,
                                                std::optional<std::size_t> count = std::nullopt,
                                                bool fallback = true);

  // --- transports and protocols: include <asyncio/transports.hpp> ---
  //
  // A factory makes the protocol of a connection, when that is up: a callable that returns a
  // std::unique_ptr or ProtocolPtr of a class that derives from Protocol or BufferedProtocol.

  /// Returns: Connected {transport, protocol}, after connection_made().
  /// Throws: std::system_error "connect to 127.0.0.1:9: Connection refused"; what the factory does.
  /// Cancellation: prompt, and leaves nothing open.
  template <class F>
  Coro<Connected<detail::ProtocolOf<F>>> create_connection(F factory, std::string_view host,
                                                           std::uint16_t port,
                                                           ConnectionOptions options);
  template <class F>
  Coro<Connected<detail::ProtocolOf<F>>> create_connection(F factory, std::string_view host,
                                                           std::uint16_t port) {
    return create_connection(std::move(factory), host, port, {});
  }
  /// Of a stream socket that is connected, which it takes over.
  ///
  /// Throws: std::invalid_argument for another socket; RuntimeError while an operation waits for
  /// it.
  template <class F>
  Coro<Connected<detail::ProtocolOf<F>>> create_connection(F factory, Socket socket,
                                                           ConnectionOptions options);
  template <class F>
  Coro<Connected<detail::ProtocolOf<F>>> create_connection(F factory, Socket socket);
  template <class F>
  Coro<Connected<detail::ProtocolOf<F>>> connect_accepted_socket(F factory, Socket socket);
  template <class F>
  Coro<Connected<detail::ProtocolOf<F>>> create_unix_connection(F factory, std::string_view path,
                                                                ConnectionOptions options);
  template <class F>
  Coro<Connected<detail::ProtocolOf<F>>> create_unix_connection(F factory, std::string_view path);
  /// Throws: std::invalid_argument unless it is a Unix socket.
  template <class F>
  Coro<Connected<detail::ProtocolOf<F>>> create_unix_connection(F factory, Socket socket,
                                                                ConnectionOptions options);
  template <class F>
  Coro<Connected<detail::ProtocolOf<F>>> create_unix_connection(F factory, Socket socket);
  /// As start_server(), with a protocol for each connection. What a factory throws is reported.
  template <class F>
  Coro<Server> create_server(F factory, std::string_view host, std::uint16_t port,
                             ServerOptions options);
  template <class F>
  Coro<Server> create_server(F factory, std::string_view host, std::uint16_t port);
  template <class F>
  Coro<Server> create_server(F factory, std::vector<std::string> hosts, std::uint16_t port,
                             ServerOptions options);
  /// On a socket that is bound, which it takes over.
  template <class F>
  Server create_server(F factory, Socket socket, ServerOptions options);
  template <class F>
  Coro<Server> create_unix_server(F factory, std::string_view path, ServerOptions options);
  template <class F>
  Coro<Server> create_unix_server(F factory, std::string_view path);
  /// Throws: std::invalid_argument unless it is a Unix socket.
  template <class F>
  Server create_unix_server(F factory, Socket socket, ServerOptions options);

  /// Sends a file: by the system, which reads and sends at the same time, or, where that is not
  /// possible, piece by piece. What was written before is sent before; meanwhile nothing is
  /// received and nobody else can write.
  ///
  /// `count`: at most; nothing: to the end of the file. `fallback`: false refuses the second way.
  /// The file's position then is behind what was sent.
  /// Returns: how many bytes.
  /// Throws: RuntimeError if the transport is closing, or sends a file already;
  /// SendfileNotAvailableError without a fallback; std::invalid_argument; std::system_error of the
  /// connection, or of the file, which leaves the connection open.
  /// Cancellation: what has been sent stays sent, as the file's position tells.
  /// Lifetime: the file must stay open until it has ended; after a cancellation, for a moment more,
  /// as a thread may still read it.
  [[nodiscard]] Coro<std::size_t> sendfile(Transport transport, int file, std::int64_t offset = 0,
                                           std::optional<std::size_t> count = std::nullopt,
                                           bool fallback = true);

  /// TLS over a connection that is open, when both sides have agreed on it; of the side that the
  /// context is for. What was written before is sent before. From then on `protocol`, which may be
  /// the same as before, has the connection; connection_made() is not called again.
  ///
  /// Returns: the same transport.
  /// Throws: RuntimeError if the transport belongs to another loop or sends a file;
  /// std::invalid_argument; ssl::SSLError, std::system_error, and the connection has ended then.
  /// Cancellation: ends the connection.
  /// Python: there it is another transport, and the former one must not be used; `server_side` is
  /// what the context is
  [[nodiscard]] Coro<Transport> start_tls(Transport transport, ProtocolPtr<Protocol> protocol,
                                          const ssl::Context& context, StartTlsOptions options);
  [[nodiscard]] Coro<Transport> start_tls(Transport transport,
                                          ProtocolPtr<BufferedProtocol> protocol,
                                          const ssl::Context& context, StartTlsOptions options);

  // --- names: include <asyncio/resolver.hpp> ---

  /// The addresses of a host, the preferred one first, each once. A numeric host with a number as
  /// port is answered at once; the rest is looked up, by the Resolver that is set.
  ///
  ///     auto addresses = co_await loop.getaddrinfo("localhost", 80);
  ///
  /// Throws: gaierror "getaddrinfo nosuch.invalid: Name or service not known", also if the resolver
  /// finds nothing; std::invalid_argument for what can be no name (a byte that is not printable
  /// ASCII, an empty label, more than 253 characters) and no port.
  /// Cancellation: returns at once.
  Coro<std::vector<Address>> getaddrinfo(std::string_view host, std::uint16_t port);
  Coro<std::vector<Address>> getaddrinfo(std::string_view host, std::uint16_t port,
                                         ResolveOptions options);
  /// With the name of a service, such as "https", or a number in digits; "" is 0.
  Coro<std::vector<Address>> getaddrinfo(std::string_view host, std::string_view service);
  Coro<std::vector<Address>> getaddrinfo(std::string_view host, std::string_view service,
                                         ResolveOptions options);
  /// Returns: NameInfo {host, service}; numbers where there is no name.
  /// Throws: gaierror; std::invalid_argument for a Unix socket's.
  /// Cancellation: returns at once.
  Coro<NameInfo> getnameinfo(const Address& address);
  Coro<NameInfo> getnameinfo(const Address& address, NameInfoOptions options);
  /// A null pointer: a SystemResolver, which is the default.
  /// Lifetime: it must live until it is replaced or the loop is closed, and its lookups have ended.
  void set_resolver(Resolver* resolver) noexcept;

  // --- signals ---

  /// Calls `fn` in an iteration of the loop after `signal` has come to the process, until
  /// remove_signal_handler(). Signals that come before the call has begun may share one. Replaces
  /// the handler that the loop had for it, and goes before handlers of other loops and the ^C of
  /// run(), which have the signal back when this one is removed.
  ///
  /// Python: the disposition that was there before comes back, not always the default one
  /// Throws: std::invalid_argument for a number that is no signal; RuntimeError for one that cannot
  /// be caught (SIGKILL, SIGSTOP), on another thread than the main one or the loop's, on a closed
  /// loop.
  /// Threads: the main one; before the loop runs on another, its handlers may be added there.
  template <detail::LoopCallback F>
  void add_signal_handler(int signal, F&& fn,
                          std::source_location where = std::source_location::current()) {
    handle_signal(signal, make(std::forward<F>(fn), where));
  }
  /// Returns: false if there was none, also on a closed loop. A call that is scheduled already is
  /// cancelled.
  /// Throws: std::invalid_argument for a number that is no signal; RuntimeError on another thread
  /// than the loop's.
  bool remove_signal_handler(int signal);

  // --- datagrams: include <asyncio/datagram.hpp> ---

  /// Makes a socket for datagrams; a factory makes its protocol, a DatagramProtocol.
  ///
  /// Returns: ConnectedDatagram {transport, protocol}, after connection_made().
  /// Throws: std::invalid_argument without a family, or if the addresses are of different ones;
  /// std::system_error "bind 127.0.0.1:53: Permission denied".
  /// Cancellation: prompt, and leaves nothing open.
  template <class F>
  Coro<ConnectedDatagram<detail::ProtocolOf<F>>> create_datagram_endpoint(F factory,
                                                                          DatagramOptions options);
  /// Of a datagram socket, which it takes over. One that is connected sends to its peer only.
  template <class F>
  Coro<ConnectedDatagram<detail::ProtocolOf<F>>> create_datagram_endpoint(F factory, Socket socket);

  // --- pipes: include <asyncio/transports.hpp> ---
  //
  // Of a pipe, a FIFO, a socket or a character device, which they make non-blocking and take over.

  /// What is read goes to the protocol. At the end eof_received() is called and then, whatever that
  /// returns, connection_lost(); a terminal that is gone is an end, too.
  ///
  /// Returns: Connected {transport, protocol}, after connection_made().
  /// Throws: std::invalid_argument for another kind of descriptor, std::system_error for a device
  /// that cannot be polled (/dev/null); the descriptor then stays the caller's.
  /// Cancellation: closes the pipe.
  template <class F>
  Coro<Connected<detail::ProtocolOf<F>>> connect_read_pipe(F factory, int fd);
  /// What is written is sent. connection_lost() is called as soon as nobody can read it any more,
  /// with an error if something was still to be sent. write_eof() is close().
  template <class F>
  Coro<Connected<detail::ProtocolOf<F>>> connect_write_pipe(F factory, int fd);

  // --- processes: include <asyncio/subprocess_protocol.hpp> ---

  /// Starts a program as create_subprocess_exec() does, but with pipes to its descriptors 0 to 2
  /// unless the options say otherwise, and a protocol that is told what it does.
  ///
  /// Returns: ConnectedSubprocess {transport, protocol}, after connection_made().
  /// Throws: as create_subprocess_exec().
  /// Cancellation: kills the child, and waits for its end.
  template <class F>
  Coro<ConnectedSubprocess<detail::ProtocolOf<F>>> subprocess_exec(F factory, Args args,
                                                                   subprocess::Options options);
  template <class F>
  Coro<ConnectedSubprocess<detail::ProtocolOf<F>>> subprocess_exec(F factory, Args args);
  template <class F>
  Coro<ConnectedSubprocess<detail::ProtocolOf<F>>> subprocess_shell(F factory,
                                                                    std::string_view command,
                                                                    subprocess::Options options);
  template <class F>
  Coro<ConnectedSubprocess<detail::ProtocolOf<F>>> subprocess_shell(F factory,
                                                                    std::string_view command);

  // --- errors ---

  using ExceptionHandler = detail::UniqueFunction<void(EventLoop&, const ExceptionContext&)>;

  /// Called with what no caller can be told: `void(EventLoop&, const ExceptionContext&)`. nullptr
  /// means the default one, which writes to the log sink.
  template <class F>
    requires std::invocable<std::decay_t<F>&, EventLoop&, const ExceptionContext&>
  void set_exception_handler(F&& fn) {
    replace_exception_handler(ExceptionHandler(std::forward<F>(fn)));
  }
  void set_exception_handler(std::nullptr_t) { replace_exception_handler({}); }

  /// A null pointer: the default one.
  [[nodiscard]] const ExceptionHandler* get_exception_handler() const noexcept {
    return exception_handler_ ? &exception_handler_ : nullptr;
  }
  void default_exception_handler(const ExceptionContext& context);
  /// Never throws; what a handler throws is reported, too.
  void call_exception_handler(const ExceptionContext& context) noexcept;

  // --- executors ---

  /// Calls `fn(args...)`, decay-copied, on a thread of the executor (null: the default one, made at
  /// first use with min(32, processors + 4) threads).
  ///
  /// Cancellation: a job that has not started never runs; one that runs is left to finish and what
  /// it gives is dropped.
  /// Throws: RuntimeError after shutdown_default_executor().
  template <class F, class... Args>
  auto run_in_executor(Executor* executor, F&& fn, Args&&... args)
      -> Future<std::invoke_result_t<std::decay_t<F>, std::decay_t<Args>...>>;
  /// In another process: include <asyncio/process_pool.hpp>.
  template <std::same_as<ProcessPoolExecutor> P, class F, class... Args>
  auto run_in_executor(P& pool, F&& fn, Args&&... args);
  template <std::same_as<ProcessPoolExecutor> P, class F, class... Args>
  auto run_in_executor(P* pool, F&& fn, Args&&... args);
  /// By a worker of a cluster: include <asyncio/cluster.hpp>.
  template <std::same_as<cluster::ClusterExecutor> C, class F, class... Args>
  auto run_in_executor(C& executor, F&& fn, Args&&... args);
  void set_default_executor(ThreadPoolExecutor& executor);
  /// Joins the default executor's threads without blocking the loop. With a timeout, gives up
  /// after it with a report.
  [[nodiscard]] Coro<> shutdown_default_executor(std::optional<Duration> timeout = std::nullopt);
  /// Closes every AsyncGenerator that has begun and not ended, all at the same time. What they fail
  /// with goes to the exception handler. asyncio::run() does it at its end.
  [[nodiscard]] Coro<> shutdown_asyncgens();

  // --- debug mode ---

  /// Debug mode tells what is slow or wrong and costs some speed: callbacks and steps that block
  /// the loop, calls from foreign threads, where futures, handles and forgotten coroutines were
  /// made. On at first with ASYNCIODEBUG=1, `-X dev` and RunOptions::debug.
  [[nodiscard]] bool get_debug() const noexcept;
  void set_debug(bool debug) noexcept;
  /// In debug mode, what takes at least this long is reported. The time of polling does not count.
  Duration slow_callback_duration = Duration::nanoseconds(100'000'000);
  /// Has a step or a callback that takes longer than this reported while it still blocks the loop,
  /// with its task, its coroutines and the native stack of the loop's thread: docs/watchdog.md.
  ///
  /// `threshold`: nullopt, the default, takes slow_callback_duration in debug mode and is off
  /// otherwise; zero and less turn it off in debug mode, too; less than ten milliseconds count as
  /// ten. ASYNCIO_WATCHDOG=0.25 sets it, in seconds, for every loop that is made.
  ///
  /// Python: there is none
  /// Cost: off, nothing; on, some tens of nanoseconds for each step, and a thread for the process.
  void set_watchdog(std::optional<Duration> threshold) noexcept;
  [[nodiscard]] std::optional<Duration> get_watchdog() const noexcept;

  /// "<EventLoop running=false closed=false debug=false>"
  [[nodiscard]] std::string repr() const;

 private:
  friend detail::CreatesTasks<EventLoop>;
  friend struct detail::LoopAccess;
  explicit EventLoop(detail::Backend* backend);

  struct Place {
    detail::Scheduler& scheduler;
  };
  Place spawn_place();
  void deliver_own_posts();
  void spawned(Place&, detail::FutureState&) noexcept {}

  [[nodiscard]] TimePoint deadline_after(Duration delay) const;
  /// Throws: RuntimeError "WHAT: ..." on a closed loop and, in debug mode, on a foreign thread.
  detail::Scheduler& check_call(const char* what) const;

  template <class F>
  static detail::HandleState* make(F&& fn, std::source_location where) {
    return new detail::HandleOf<std::decay_t<F>>(std::forward<F>(fn), where);
  }
  template <class F>
  TimerHandle schedule(const char* what, TimePoint when, F&& fn, const Context* context,
                       std::source_location where) {
    detail::HandleState* state = make(std::forward<F>(fn), where);
    at(what, *state, when, context);
    return TimerHandle(detail::Ref<detail::HandleState>::adopt(state));
  }
  // Each adds the loop's own reference. When they throw, `handle` is freed.
  void soon(detail::HandleState& handle, const Context* context);
  void at(const char* what, detail::HandleState& handle, TimePoint when, const Context* context);
  void soon_threadsafe(detail::HandleState& handle);
  void watch(int fd, bool writing, detail::HandleState* handle);
  void handle_signal(int signal, detail::HandleState* handle);

  void run_until_done(const FutureBase& future);
  /// Throws: RuntimeError if it is closed, or a loop runs on this thread.
  void check_can_run() const;
  void replace_exception_handler(ExceptionHandler handler);
  void replace_task_factory(detail::TaskFactory factory);

  detail::LoopState* state_;
  detail::TaskFactory task_factory_;
  std::vector<detail::TaskFactory> replaced_factories_;
  ExceptionHandler exception_handler_;
  std::vector<ExceptionHandler> replaced_handlers_;  // while they may be running
  int handling_ = 0;
};

/// For set_task_factory(): every task runs its first step inside create_task().
///
/// Python: asyncio.eager_task_factory
inline void eager_task_factory(EventLoop&, TaskOptions& options) noexcept {
  options.eager_start = true;
}

/// A loop of its own, not yet running. Python: asyncio.new_event_loop
[[nodiscard]] std::unique_ptr<EventLoop> new_event_loop();
/// The loop that runs on this thread. Throws: RuntimeError if none does.
[[nodiscard]] EventLoop& get_running_loop();
/// The running loop, else the one that set_event_loop() has set for this thread.
/// Throws: RuntimeError if there is neither (as Python 3.14).
[[nodiscard]] EventLoop& get_event_loop();
/// nullptr: none. Keeps a pointer, not the loop.
void set_event_loop(EventLoop* loop) noexcept;

template <Awaitable A>
std::remove_cvref_t<await_result_t<A>> EventLoop::run_until_complete(A&& awaitable,
                                                                     std::source_location where) {
  using T = std::remove_cvref_t<await_result_t<A>>;
  if constexpr (detail::is_future<A>) {
    run_until_done(awaitable);
    detail::FutureState& state = detail::FutureAccess::state(awaitable);
    if constexpr (std::is_void_v<T>) {
      return;
    } else if constexpr (std::is_lvalue_reference_v<A>) {
      return detail::value_of<T>(state);
    } else {
      return detail::take_value<T>(state);
    }
  } else {
    try {
      check_can_run();
    } catch (...) {
      if constexpr (detail::is_coro<std::remove_cvref_t<A>>) awaitable.close();
      throw;
    }
    Future<T> task = [&] {
      if constexpr (detail::is_coro<std::remove_cvref_t<A>>) {
        return create_task(std::forward<A>(awaitable), {}, where);
      } else {
        return create_task(detail::await_as_coro<std::decay_t<A>>(std::forward<A>(awaitable)), {},
                           where);
      }
    }();
    run_until_done(task);
    if constexpr (!std::is_void_v<T>) {
      return detail::take_value<T>(detail::FutureAccess::state(task));
    }
  }
}

}  // namespace asyncio
