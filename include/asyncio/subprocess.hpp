#pragma once

#include <asyncio/coroutine.hpp>
#include <asyncio/detail/ref.hpp>
#include <asyncio/duration.hpp>
#include <asyncio/streams.hpp>

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace asyncio {

namespace detail {
class ProcessState;
}  // namespace detail

/// A program and its arguments: `{"ls", "-l"}`, from anything that converts to a string, a path
/// too; or a vector of strings. The program is looked for in PATH unless it has a slash.
///
/// Python: the `program, *args` of create_subprocess_exec
class Args {
 public:
  template <class... Texts>
    requires(sizeof...(Texts) > 0 && (std::constructible_from<std::string, const Texts&> && ...))
  Args(const Texts&... texts) {  // NOLINT(google-explicit-constructor): braces are the point
    list_.reserve(sizeof...(Texts));
    (list_.emplace_back(texts), ...);
  }
  Args(std::vector<std::string> list) noexcept  // NOLINT(google-explicit-constructor)
      : list_(std::move(list)) {}

  [[nodiscard]] const std::vector<std::string>& list() const& noexcept { return list_; }
  [[nodiscard]] std::vector<std::string> list() && noexcept { return std::move(list_); }

 private:
  std::vector<std::string> list_;
};

/// The variables that a child is given.
///
///     auto env = asyncio::Environment::current();
///     env.set("LC_ALL", "C");
///
/// Python: the `env` of create_subprocess_exec, a dict
class Environment {
 public:
  /// None.
  Environment() noexcept = default;
  /// Throws: as set().
  Environment(std::initializer_list<std::pair<std::string_view, std::string_view>> variables);
  /// A copy of this process's. Python: os.environ.copy()
  [[nodiscard]] static Environment current();

  /// Throws: std::invalid_argument for a name that is empty or has a '=', and for a NUL in either.
  void set(std::string_view name, std::string_view value);
  void unset(std::string_view name) noexcept;
  [[nodiscard]] std::optional<std::string_view> get(std::string_view name) const noexcept;
  /// "NAME=VALUE" of each.
  [[nodiscard]] const std::vector<std::string>& list() const noexcept { return variables_; }

 private:
  [[nodiscard]] std::size_t find(std::string_view name) const noexcept;
  std::vector<std::string> variables_;
};

/// Python: asyncio.subprocess
namespace subprocess {

/// Where a standard stream of a child comes from or goes to: a descriptor, the path of a file, or
/// one of the constants below. A file for output is made, or emptied.
class Redirect {
 public:
  enum class Kind : std::uint8_t { unset, inherit, pipe, devnull, stdout_, descriptor, path };

  constexpr Redirect() noexcept = default;
  constexpr explicit Redirect(Kind kind) noexcept : kind_(kind) {}
  constexpr Redirect(int fd) noexcept  // NOLINT(google-explicit-constructor)
      : kind_(Kind::descriptor), fd_(fd) {}
  constexpr Redirect(std::string_view path) noexcept  // NOLINT(google-explicit-constructor)
      : kind_(Kind::path), path_(path) {}
  constexpr Redirect(const char* path) noexcept  // NOLINT(google-explicit-constructor)
      : Redirect(std::string_view(path)) {}
  Redirect(const std::string& path) noexcept  // NOLINT(google-explicit-constructor)
      : Redirect(std::string_view(path)) {}

  [[nodiscard]] constexpr Kind kind() const noexcept { return kind_; }
  [[nodiscard]] constexpr int fd() const noexcept { return fd_; }
  [[nodiscard]] constexpr std::string_view path() const noexcept { return path_; }

 private:
  Kind kind_ = Kind::unset;
  int fd_ = -1;
  std::string_view path_;
};

/// A pipe to us.
inline constexpr Redirect PIPE{Redirect::Kind::pipe};
/// /dev/null.
inline constexpr Redirect DEVNULL{Redirect::Kind::devnull};
/// For stderr_: where stdout_ goes.
inline constexpr Redirect STDOUT{Redirect::Kind::stdout_};
/// Our own. Python: None
inline constexpr Redirect INHERIT{Redirect::Kind::inherit};

/// What becomes of a child that nobody waits for any more: a communicate() was cancelled, the last
/// Process handle is gone, or the loop is closed.
enum class Abandon : std::uint8_t {
  kill,       ///< SIGKILL
  terminate,  ///< SIGTERM, and SIGKILL after Options::terminate_delay
  leave,      ///< it goes on; its pipes are closed when the handle goes
};

/// How to start a child. What the options refer to is copied.
struct Options {
  /// Each is our own unless something is said here. (With EventLoop::subprocess_exec(): a pipe.)
  Redirect stdin_ = {};
  Redirect stdout_ = {};
  Redirect stderr_ = {};
  /// How many bytes readline() and readuntil() look through.
  std::size_t limit = default_limit;
  /// Where it starts. A program with a slash in its name is looked for from there.
  std::string_view cwd = {};
  /// Its variables, all of them; PATH is looked up here, too. null: our own.
  const Environment* env = nullptr;
  /// Descriptors that it inherits under their numbers, besides 0 to 2.
  std::span<const int> pass_fds = {};
  /// A session of its own: no terminal, and not reached by ^C. Python: start_new_session
  bool start_new_session = false;
  /// 0: a process group of its own. Python: process_group
  std::optional<int> process_group = {};
  /// nullopt: as CPython, a cancelled communicate() leaves it alone, and the end of the last handle
  /// or of the loop kills it.
  std::optional<Abandon> abandon = {};
  Duration terminate_delay = Duration::nanoseconds(5'000'000'000);
};
static_assert(std::is_trivially_destructible_v<Options>);

/// What communicate() has read; nothing of a stream that was no pipe.
struct Output {
  std::optional<std::string> stdout_;
  std::optional<std::string> stderr_;
};

/// A child process. A shared handle.
///
///     auto process = co_await asyncio::create_subprocess_exec({"sort"}, {.stdin_ = PIPE,
///                                                                        .stdout_ = PIPE});
///     const auto [out, err] = co_await process.communicate("b\na\n");
///
/// Python: asyncio.subprocess.Process
/// Lifetime: when the last handle goes, the pipes are closed, and Options::abandon says what
/// becomes of the child. It is reaped by the loop, so it never stays a zombie.
/// Threads: the loop's.
class Process {
 public:
  Process(const Process& other) noexcept;
  Process& operator=(Process other) noexcept;
  ~Process();

  /// What goes to the child, if that is a PIPE.
  std::optional<StreamWriter> stdin_;
  /// What comes from it. What is left can be read after its end.
  std::optional<StreamReader> stdout_;
  std::optional<StreamReader> stderr_;

  [[nodiscard]] int pid() const noexcept;
  /// Its exit code, or -N when signal N has killed it; nothing while it runs, for all that the loop
  /// has seen.
  [[nodiscard]] std::optional<int> returncode() const noexcept;
  /// "<Process 4711>"
  [[nodiscard]] std::string repr() const;

  /// Throws: std::system_error (no_such_process) when its end has been seen. Python:
  /// ProcessLookupError
  void send_signal(int signal) const;
  /// SIGTERM.
  void terminate() const;
  /// SIGKILL.
  void kill() const;

  /// Until it has ended, whatever its pipes are doing. Any number of tasks may wait. A child that
  /// waits for us to read its output never ends: communicate() reads it.
  ///
  /// Returns: as returncode().
  /// Cancellation: leaves the child alone.
  [[nodiscard]] Coro<int> wait() const;
  /// Writes `input` to stdin_ and closes it, reads stdout_ and stderr_ to their ends, all at the
  /// same time, and waits for the child. That the child reads no input is no error.
  ///
  /// Throws: RuntimeError if there is input and stdin_ is no PIPE.
  /// Cancellation: as Options::abandon says. What was read stays for the next call.
  [[nodiscard]] Coro<Output> communicate(std::string input = {}) const;

 private:
  friend class asyncio::detail::ProcessState;
  explicit Process(asyncio::detail::Ref<asyncio::detail::ProcessState> state) noexcept;
  asyncio::detail::Ref<asyncio::detail::ProcessState> state_;
};

}  // namespace subprocess

/// Starts a program. It inherits descriptors 0 to 2 as the options say, `pass_fds`, and nothing
/// else; no signal is blocked for it, and SIGPIPE ends it.
///
/// Python: asyncio.create_subprocess_exec
/// Throws: std::system_error "start "nosuch": No such file or directory", as errno says;
/// std::invalid_argument for a NUL in a text, or STDOUT for another stream than stderr_.
/// Cancellation: before the child is started.
[[nodiscard]] Coro<subprocess::Process> create_subprocess_exec(Args args,
                                                               subprocess::Options options = {});
/// Starts `/bin/sh -c COMMAND`. The command is taken as it is: what comes from elsewhere must be
/// quoted, or handed to create_subprocess_exec().
///
/// Python: asyncio.create_subprocess_shell
[[nodiscard]] Coro<subprocess::Process> create_subprocess_shell(std::string_view command,
                                                                subprocess::Options options = {});

}  // namespace asyncio
