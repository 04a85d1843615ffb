#include "source.hpp"

#include <CLI/CLI.hpp>

#include <charconv>

namespace asyncio::command {
namespace {

constexpr std::int64_t last_pid = 1 << 22;  // the kernel's limit

}  // namespace

void Source::add_options(CLI::App& subcommand) {
  subcommand.add_option_function<std::string>(
      "PID", [this](const std::string& word) { set_pid(word); }, "The process to look into");
  add_core_options(subcommand);
}

void Source::add_core_options(CLI::App& subcommand) {
  auto* core = subcommand.add_option("--core", core_, "A core file to look into instead");
  subcommand
      .add_option("--exe", executable_, "The program that wrote the core file, if it was moved")
      ->needs(core);
}

void Source::set_pid(const std::string& word) {
  const char* const end = word.data() + word.size();
  const auto [parsed, error] = std::from_chars(word.data(), end, pid_);
  if (error == std::errc() && parsed == end && pid_ > 0 && pid_ <= last_pid) return;
  throw CLI::ValidationError("PID", "'" + word + "' is not the number of a process");
}

void Source::check() const {
  if ((pid_ == 0) == core_.empty()) {
    throw CLI::ValidationError("PID", "either PID or --core FILE is needed, and not both");
  }
}

snapshot::Program Source::open() const {
  check();
  return core_.empty() ? snapshot::Program::of_process(pid_)
                       : snapshot::Program::of_core(core_, executable_);
}

}  // namespace asyncio::command
