#include "snapshot/memory.hpp"

#include <fmt/format.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <sstream>

namespace asyncio::snapshot {
namespace {

constexpr std::size_t most_ranges = 1024;

std::string first_word_of(const char* path) {
  std::ifstream file(path);
  std::string word;
  file >> word;
  return word;
}

[[noreturn]] void throw_refused(std::int64_t pid, int error) {
  if (error == ESRCH || error == ENOENT) {
    throw Unreadable(fmt::format("there is no process {}", pid));
  }
  if (error != EPERM && error != EACCES) {
    throw Unreadable(fmt::format("process {} cannot be read: {}", pid, std::strerror(error)));
  }
  std::string text =
      fmt::format("process {} may not be read by user {}: run this as the same user, or as root",
                  pid, ::geteuid());
  const std::string scope = first_word_of("/proc/sys/kernel/yama/ptrace_scope");
  if (!scope.empty() && scope != "0") {
    text += fmt::format(
        "; kernel.yama.ptrace_scope is {}, which refuses it to all but {}: sudo sysctl "
        "kernel.yama.ptrace_scope=0",
        scope,
        scope == "1"   ? "parents and root"
        : scope == "2" ? "root"
                       : "nobody");
  }
  text += "; a container needs the capability SYS_PTRACE (docker run --cap-add=SYS_PTRACE)";
  throw Unreadable(text);
}

// "BEGIN-END PERMS OFFSET DEVICE INODE   PATH"; false: it is not to be read.
bool parse_mapping(const std::string& line, Mapping& mapping) {
  const char* at = line.data();
  const char* const end = at + line.size();
  at = std::from_chars(at, end, mapping.begin, 16).ptr;
  if (at == end) return false;
  at = std::from_chars(at + 1, end, mapping.end, 16).ptr;
  if (end - at < 7 || at[1] != 'r') return false;
  at = std::from_chars(at + 6, end, mapping.offset, 16).ptr;
  const auto slash = line.find('/', static_cast<std::size_t>(at - line.data()));
  mapping.path = slash == std::string::npos ? std::string() : line.substr(slash);
  return true;
}

class ProcessMemory final : public Memory {
 public:
  explicit ProcessMemory(std::int64_t pid) : pid_(pid) {}

  [[nodiscard]] std::string name() const override { return fmt::format("process {}", pid_); }
  [[nodiscard]] std::int64_t pid() const noexcept override { return pid_; }

 private:
  [[nodiscard]] std::vector<Mapping> look_up_mappings() const override;
  std::size_t copy(std::span<const Range> ranges, std::byte* to) override;

  std::int64_t pid_;
};

std::vector<Mapping> ProcessMemory::look_up_mappings() const {
  const std::string path = fmt::format("/proc/{}/maps", pid_);
  errno = 0;
  std::ifstream file(path);
  if (!file) throw_refused(pid_, errno != 0 ? errno : ENOENT);
  std::vector<Mapping> mappings;
  for (std::string line; std::getline(file, line);) {
    Mapping mapping;
    if (parse_mapping(line, mapping)) mappings.push_back(std::move(mapping));
  }
  if (!mappings.empty()) return mappings;
  // The file could be opened, but not read: a process that has ended, or the kernel's own.
  std::ifstream status(fmt::format("/proc/{}/stat", pid_));
  if (!status || file.bad()) throw_refused(pid_, file.bad() ? EPERM : ESRCH);
  throw Unreadable(
      fmt::format("process {} has no memory: it has ended, or is a thread of the kernel", pid_));
}

std::size_t ProcessMemory::copy(std::span<const Range> ranges, std::byte* to) {
  std::array<iovec, most_ranges> from;  // NOLINT(cppcoreguidelines-pro-type-member-init)
  std::size_t size = 0;
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    from[i] = {reinterpret_cast<void*>(ranges[i].address), ranges[i].size};
    size += ranges[i].size;
  }
  const iovec into{to, size};
  // Not the C library's: sanitizers must not take what another thread changes for an error.
  const long got =
      ::syscall(SYS_process_vm_readv, pid_, &into, 1UL, from.data(), ranges.size(), 0UL);
  if (got >= 0) return static_cast<std::size_t>(got);
  if (errno != EFAULT && errno != EINVAL) throw_refused(pid_, errno);
  return 0;
}

}  // namespace

std::unique_ptr<Memory> Memory::of_process(std::int64_t pid) {
  return std::make_unique<ProcessMemory>(pid);
}

}  // namespace asyncio::snapshot
