#include "process/spawn_plan.hpp"

#include <asyncio/error.hpp>

#include "io/system_process.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <utility>

namespace asyncio {

namespace detail {
namespace {

using Kind = subprocess::Redirect::Kind;

constexpr const char* default_path = "/bin:/usr/bin";
constexpr const char* stream_names[] = {"stdin_", "stdout_", "stderr_"};

std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
  std::vector<char*> result;
  result.reserve(texts.size() + 1);
  for (const std::string& text : texts) {
    result.push_back(const_cast<char*>(text.c_str()));  // NOLINT: exec() does not write
  }
  result.push_back(nullptr);
  return result;
}

}  // namespace

SpawnPlan::SpawnPlan(const char* who, Args args, const subprocess::Options& options,
                     subprocess::Redirect otherwise)
    : abandon(options.abandon.value_or(subprocess::Abandon::kill)),
      abandon_at_once(options.abandon.has_value()),
      terminate_delay(options.terminate_delay),
      limit(options.limit),
      who_(who),
      args_(std::move(args).list()),
      directory_(options.cwd),
      process_group_(options.process_group.value_or(-1)),
      new_session_(options.start_new_session) {
  if (args_.empty() || args_.front().empty()) {
    throw_invalid_argument(fmt::format("{}: there is no program; the first text names it", who_));
  }
  for (const std::string& text : args_) check(text, "an argument");
  check(directory_, "cwd");
  if (options.process_group && *options.process_group < 0) {
    throw_invalid_argument(fmt::format(
        "{}: process_group is {}; 0 makes a new one, a positive number is one that exists", who_,
        process_group_));
  }
  if (options.env == nullptr) {
    own_environment_ = true;
  } else {
    environment_ = options.env->list();
  }
  take_streams(options, otherwise);
  take_passed(options.pass_fds);
}

void SpawnPlan::take_streams(const subprocess::Options& options, subprocess::Redirect otherwise) {
  const subprocess::Redirect* given[] = {&options.stdin_, &options.stdout_, &options.stderr_};
  for (int i = 0; i < 3; ++i) {
    const subprocess::Redirect& redirect = given[i]->kind() == Kind::unset ? otherwise : *given[i];
    streams_[i] = {redirect.kind(), redirect.fd(), std::string(redirect.path())};
    check(streams_[i].path, stream_names[i]);
    if (redirect.kind() == Kind::stdout_ && i != 2) {
      throw_invalid_argument(fmt::format("{}: {} = STDOUT; only stderr_ can go where stdout_ goes",
                                         who_, stream_names[i]));
    }
    if (redirect.kind() == Kind::descriptor && !sys::is_open(redirect.fd())) {
      throw_invalid_argument(fmt::format("{}: {} = descriptor {}, which is not open", who_,
                                         stream_names[i], redirect.fd()));
    }
  }
}

void SpawnPlan::take_passed(std::span<const int> passed) {
  for (const int fd : passed) {
    if (!sys::is_open(fd)) {
      throw_invalid_argument(
          fmt::format("{}: pass_fds has descriptor {}, which is not open", who_, fd));
    }
    if (fd > 2) passed_.push_back(fd);  // those below are inherited, or redirected
  }
  std::sort(passed_.begin(), passed_.end());
  passed_.erase(std::unique(passed_.begin(), passed_.end()), passed_.end());
}

void SpawnPlan::check(std::string_view text, const char* what) const {
  if (text.find('\0') == text.npos) return;
  throw_invalid_argument(
      fmt::format("{}: {} has a NUL byte after \"{}\"; a program would not see what follows", who_,
                  what, text.substr(0, text.find('\0'))));
}

// --- the program --------------------------------------------------------------------------------

std::string SpawnPlan::search_path() const {
  constexpr std::string_view name = "PATH=";
  if (own_environment_) {
    const char* path = ::getenv("PATH");
    return path == nullptr ? default_path : path;
  }
  for (const std::string& variable : environment_) {
    if (variable.starts_with(name)) return variable.substr(name.size());
  }
  return default_path;
}

// As execvpe() looks for it, but in the environment of the child, and before there is one.
std::string SpawnPlan::find_program() const {
  const std::string& program = args_.front();
  if (program.find('/') != program.npos) return program;
  const std::string path = search_path();
  int error = ENOENT;
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find(':', begin), path.size());
    const std::string folder = path.substr(begin, end - begin);
    begin = end + 1;
    const std::string found = fmt::format("{}/{}", folder.empty() ? "." : folder, program);
    const std::string from_here = directory_.empty() || found.front() == '/'
                                      ? found
                                      : fmt::format("{}/{}", directory_, found);
    sys::FileStatus status;
    if (sys::status_of(from_here.c_str(), status) < 0) continue;
    if (status.kind == sys::FileKind::regular && sys::is_executable(from_here.c_str())) {
      return found;
    }
    error = EACCES;
  }
  fail(error);
}

// Which of the two the child has failed at it cannot tell.
void SpawnPlan::fail(int error) const {
  sys::FileStatus status;
  if (!directory_.empty()) {
    const int wrong = -sys::status_of(directory_.c_str(), status);
    if (wrong != 0 || status.kind != sys::FileKind::directory) {
      sys::throw_errno(wrong != 0 ? wrong : ENOTDIR,
                       fmt::format("start \"{}\" in \"{}\"", args_.front(), directory_));
    }
  }
  sys::throw_errno(error, fmt::format("start \"{}\"", args_.front()));
}

// --- the descriptors ----------------------------------------------------------------------------

/// What the child's descriptors 0 to 2 are made of, and our ends of the pipes.
class SpawnPlan::Descriptors {
 public:
  Descriptors(const SpawnPlan& plan, OwnedFd (&ours)[3]) : plan_(plan) {
    for (int i = 0; i < 3; ++i) open(i, ours[i]);
  }
  void give(int (&standard)[3]) const noexcept { std::copy_n(standard_, 3, standard); }

 private:
  void open(int i, OwnedFd& ours) {
    const Stream& stream = plan_.streams_[i];
    switch (stream.kind) {
      case Kind::unset:
      case Kind::inherit: return;
      case Kind::stdout_: standard_[i] = 1; return;
      case Kind::descriptor: return place(i, stream.fd);
      case Kind::devnull: return open_file(i, "/dev/null");
      case Kind::path: return open_file(i, stream.path);
      case Kind::pipe: return open_pipe(i, ours);
    }
  }

  void open_file(int i, const std::string& path) {
    constexpr unsigned all_that_umask_leaves = 0666;
    const int flags = i == 0 ? O_RDONLY : O_WRONLY | O_CREAT | O_TRUNC;
    const int fd = sys::open_file(path.c_str(), flags, all_that_umask_leaves);
    if (fd < 0) {
      sys::throw_errno(-fd, fmt::format("start \"{}\": open {} \"{}\"", plan_.args_.front(),
                                        stream_names[i], path));
    }
    owned_[i] = OwnedFd(fd);
    place(i, fd);
  }

  void open_pipe(int i, OwnedFd& ours) {
    int ends[2];
    int result = sys::make_pipe(ends);
    if (result < 0) fail(-result, "make a pipe");
    owned_[i] = OwnedFd(ends[i == 0 ? 0 : 1]);
    ours = OwnedFd(ends[i == 0 ? 1 : 0]);
    result = sys::set_nonblocking(ours.get());
    if (result < 0) fail(-result, "make a pipe");
    place(i, owned_[i].get());
  }

  // One of 0 to 2 would be overwritten before it is used.
  void place(int i, int fd) {
    standard_[i] = fd;
    if (fd > 2 || fd == i) return;
    const int moved = sys::duplicate(fd);
    if (moved < 0) fail(-moved, "duplicate a descriptor");
    moved_[i] = OwnedFd(moved);
    standard_[i] = moved;
  }

  [[noreturn]] void fail(int error, const char* what) const {
    sys::throw_errno(error, fmt::format("start \"{}\": {}", plan_.args_.front(), what));
  }

  const SpawnPlan& plan_;
  int standard_[3] = {-1, -1, -1};
  OwnedFd owned_[3];
  OwnedFd moved_[3];
};

SpawnPlan::Started SpawnPlan::start() const {
  const std::string program = find_program();
  const std::vector<char*> arguments = pointers_to(args_);
  const std::vector<char*> environment = pointers_to(environment_);
  Started started;
  const Descriptors descriptors(*this, started.pipes);
  sys::Spawn spawn{.program = program.c_str(),
                   .arguments = arguments.data(),
                   .environment = own_environment_ ? sys::environment() : environment.data(),
                   .directory = directory_.empty() ? nullptr : directory_.c_str(),
                   .passed = passed_,
                   .process_group = process_group_,
                   .new_session = new_session_};
  descriptors.give(spawn.standard);
  started.pid = sys::spawn(spawn);
  if (started.pid < 0) fail(-started.pid);
  return started;
}

}  // namespace detail
}  // namespace asyncio
