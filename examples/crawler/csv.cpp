#include "csv.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <string_view>
#include <system_error>
#include <utility>

namespace crawler {
namespace {

std::string cell(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

// Whoever may propose a line for the list chooses the words, and people open such a file with a
// spreadsheet, which takes a cell like =HYPERLINK(...) for a formula. An apostrophe in front makes
// it a text; the few real names that begin so are worth it.
std::string words(std::string_view text) {
  const bool formula =
      !text.empty() && std::string_view("=+-@\t\r").find(text.front()) != std::string_view::npos;
  return cell(formula ? "'" + std::string(text) : std::string(text));
}

/// A file beside the one that it will replace; it is gone unless it has.
class Replacement {
 public:
  explicit Replacement(const std::string& path)
      : path_(path), temporary_(path + "." + std::to_string(::getpid()) + ".tmp") {
    // Not mkstemp(): the file gets the permissions that any new one has.
    fd_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd_ < 0) fail(errno);
  }
  Replacement(const Replacement&) = delete;
  Replacement& operator=(const Replacement&) = delete;
  ~Replacement() {
    if (fd_ >= 0) ::close(fd_);
    if (!done_) ::unlink(temporary_.c_str());
  }

  void write(std::string_view text) const {
    while (!text.empty()) {
      const ssize_t n = ::write(fd_, text.data(), text.size());
      if (n < 0 && errno != EINTR) fail(errno);
      if (n > 0) text.remove_prefix(static_cast<std::size_t>(n));
    }
  }
  void commit() {
    // First the text, then the name: a crash in between must not leave an empty file.
    if (::fsync(fd_) != 0) fail(errno);
    if (::close(std::exchange(fd_, -1)) != 0) fail(errno);
    if (std::rename(temporary_.c_str(), path_.c_str()) != 0) fail(errno);
    done_ = true;
  }

 private:
  [[noreturn]] void fail(int error) const {
    throw std::system_error(error, std::generic_category(), "write " + path_);
  }
  std::string path_;
  std::string temporary_;
  int fd_ = -1;
  bool done_ = false;
};

}  // namespace

std::string to_csv(std::vector<Ranked> projects) {
  std::string text = "name,url,stars,category\r\n";
  for (const Ranked& ranked : best_first(std::move(projects))) {
    const Project& project = ranked.project;
    text += words(project.name) + "," + cell(project.url) + "," + std::to_string(ranked.stars) +
            "," + words(project.category) + "\r\n";
  }
  return text;
}

void write_csv(const std::string& path, std::vector<Ranked> projects) {
  const std::string text = to_csv(std::move(projects));
  Replacement file(path);
  file.write(text);
  file.commit();
}

}  // namespace crawler
