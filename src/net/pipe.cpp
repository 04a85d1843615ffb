#include "net/pipe.hpp"

#include <asyncio/error.hpp>
#include <asyncio/transports.hpp>

#include "loop/endpoint.hpp"
#include "net/pipe_end.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <utility>

namespace asyncio::detail {
namespace {

using sys::FileKind;

/// Throws: std::invalid_argument of a file or a directory.
FileKind kind_of(int fd, const char* who) {
  sys::FileStatus found;
  if (const int error = -sys::status_of(fd, found)) {
    sys::throw_errno(error, fmt::format("{}: descriptor {}", who, fd));
  }
  switch (found.kind) {
    case FileKind::pipe:
    case FileKind::socket:
    case FileKind::character: return found.kind;
    default: break;
  }
  throw_invalid_argument(
      fmt::format("{}: descriptor {} is no pipe, FIFO, socket or character device; read and write "
                  "files with asyncio::open()",
                  who, fd));
}

std::unique_ptr<Endpoint> take_over(LoopState& loop, OwnedFd& fd, const char* who) {
  if (const int result = sys::set_nonblocking(fd.get()); result < 0) {
    sys::throw_errno(-result, fmt::format("{}: descriptor {}", who, fd.get()));
  }
  std::unique_ptr<Endpoint> endpoint = loop.backend().open(fd.get(), Descriptor::pipe);
  (void)fd.release();  // the endpoint's
  return endpoint;
}

/// A descriptor of the user's: what was not taken over is still his.
class LentFd {
 public:
  explicit LentFd(int fd) noexcept : fd_(fd) {}
  LentFd(const LentFd&) = delete;
  LentFd& operator=(const LentFd&) = delete;
  ~LentFd() { (void)fd_.release(); }
  [[nodiscard]] OwnedFd& get() noexcept { return fd_; }

 private:
  OwnedFd fd_;
};

class ReadPipeTransport final : public ProtocolTransport {
 public:
  using ProtocolTransport::ProtocolTransport;

 private:
  // As in CPython, each in a turn of its own, and the pipe is closed whatever the protocol says.
  void ended() override {
    schedule(due_end);
    close();
  }
};

/// The end of a pipe that is written to. It becomes readable when nobody can read the other end any
/// more.
class WritePipeTransport final : public ProtocolTransport {
 public:
  WritePipeTransport(LoopState& loop, std::unique_ptr<Endpoint> endpoint, AnyProtocol protocol,
                     bool tells_of_its_reader)
      : ProtocolTransport(loop, std::move(endpoint), std::move(protocol)),
        tells_of_its_reader_(tells_of_its_reader) {
    ProtocolTransport::pause_reading();
  }

  // Nothing is read.
  void pause_reading() noexcept override {}
  void resume_reading() noexcept override {}
  void write_eof() override { close(); }

 private:
  struct ReaderGone : IoObserver {
    explicit ReaderGone(WritePipeTransport& t) noexcept
        : IoObserver{&ReaderGone::is}, transport(t) {}
    static void is(IoObserver& self) noexcept {
      static_cast<ReaderGone&>(self).transport.schedule(due_read);
    }
    WritePipeTransport& transport;
  };

  void begin() override {
    ProtocolTransport::begin();
    if (tells_of_its_reader_ && !is_closing()) schedule(due_read);
  }
  void read_ready() override {
    if (!stream()->endpoint().may(Way::read)) {
      stream()->wait(Way::read, reader_gone_);
    } else if (unsent() > 0) {
      lose(-EPIPE, "write to");
    } else {
      abort();
    }
  }

  ReaderGone reader_gone_{*this};
  bool tells_of_its_reader_;
};

// Who has opened a FIFO for reading as well is a reader himself; a terminal is readable when
// something is typed.
bool tells_of_its_reader(int fd, FileKind kind) {
  return kind == FileKind::socket || (kind == FileKind::pipe && sys::is_write_only(fd));
}

}  // namespace

Ref<ProtocolTransport> make_read_pipe(LoopState& loop, const AnyProtocol& protocol, OwnedFd& fd,
                                      FileKind kind, const char* who) {
  auto end = std::make_unique<PipeReadEnd>(take_over(loop, fd, who), kind);
  return Ref<ProtocolTransport>::adopt(new ReadPipeTransport(loop, std::move(end), protocol));
}

Ref<ProtocolTransport> make_write_pipe(LoopState& loop, const AnyProtocol& protocol, OwnedFd& fd,
                                       FileKind kind, const char* who) {
  const bool tells = tells_of_its_reader(fd.get(), kind);
  auto end = take_over(loop, fd, who);
  return Ref<ProtocolTransport>::adopt(
      new WritePipeTransport(loop, std::move(end), protocol, tells));
}

Coro<ConnectedAny> open_read_pipe(EventLoop& loop, ProtocolFactory factory, int fd) {
  constexpr const char* who = "connect_read_pipe()";
  AnyProtocol protocol = factory();
  LentFd lent(fd);
  auto made = make_read_pipe(LoopAccess::state(loop), protocol, lent.get(), kind_of(fd, who), who);
  co_return co_await when_made(std::move(made), protocol);
}

Coro<ConnectedAny> open_write_pipe(EventLoop& loop, ProtocolFactory factory, int fd) {
  constexpr const char* who = "connect_write_pipe()";
  AnyProtocol protocol = factory();
  LentFd lent(fd);
  auto made = make_write_pipe(LoopAccess::state(loop), protocol, lent.get(), kind_of(fd, who), who);
  co_return co_await when_made(std::move(made), protocol);
}

}  // namespace asyncio::detail
