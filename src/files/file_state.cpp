#include "files/file_state.hpp"

#include <asyncio/error.hpp>
#include <asyncio/exception_context.hpp>
#include <asyncio/executor.hpp>
#include <asyncio/sleep.hpp>

#include <fmt/format.h>

#include <unistd.h>
#include <cerrno>
#include <utility>

namespace asyncio::detail {

FileState::FileState(OpenedFile opened, std::string mode_name, const FileMode& mode,
                     LoopState& loop)
    : file_(std::move(opened.file)),
      name_(file_->name()),
      mode_name_(std::move(mode_name)),
      mode_(mode),
      has_positions_(opened.has_positions),
      asks_memory_(opened.has_positions),
      loop_(loop.number),
      position_(opened.position) {
  idle_.set();
}

std::int64_t FileState::tell() const {
  check_open("tell", Wants::anything);
  check_positions("tell");
  return position_;
}

// --- turns --------------------------------------------------------------------------------------

void FileState::fail(const char* who, int error) const {
  sys::throw_errno(error, fmt::format("{} {}", who, name_));
}

void FileState::check_open(const char* who, Wants wants) const {
  if (closed()) {
    throw_runtime_error(fmt::format("{}(): the file {} is closed; open it again", who, name_));
  }
  if (wants == Wants::reading && !mode_.reads) {
    throw_runtime_error(
        fmt::format("{}(): the file {} was opened with mode \"{}\", which does not read; \"r\" and "
                    "whatever has a \"+\" does",
                    who, name_, mode_name_));
  }
  if (wants == Wants::writing && !mode_.writes) {
    throw_runtime_error(
        fmt::format("{}(): the file {} was opened with mode \"{}\", which does not write; \"r+\", "
                    "\"w\", \"a\" and \"x\" do",
                    who, name_, mode_name_));
  }
}

void FileState::check_loop(const char* who) const {
  if (thread_state.scheduler != nullptr && thread_state.scheduler->number == loop_) return;
  throw_runtime_error(fmt::format(
      "{}(): the file {} belongs to another loop; open it on the loop that reads it", who, name_));
}

void FileState::check_positions(const char* who) const {
  if (!has_positions_) fail(who, ESPIPE);
}

Coro<FileState::Turn> FileState::turn(const char* who, Wants wants) {
  check_loop(who);
  Turn mine(*this);
  mine.begins(co_await lock_.hold());
  if (std::exchange(spent_, 0) >= most_spent) co_await sleep(Duration());
  while (job_) co_await idle_.wait();  // of an operation that was cancelled
  check_open(who, wants);
  co_return mine;
}

// --- jobs ---------------------------------------------------------------------------------------

Ref<FileJob> FileState::job(FileJob::Kind kind) const {
  auto made = Ref<FileJob>::adopt(new FileJob(kind, file_));
  made->at_position = !has_positions_;
  return made;
}

void FileState::start(Ref<FileJob> job) {
  EventLoop& loop = get_running_loop();
  Future<> done(loop);
  // First: what fails from here on fails before a thread has the job.
  done.add_done_callback([self = Self(this)] { self->ended(); });
  auto* call = new CallJob<RunFileJob>(RunFileJob(job));
  job_ = std::move(job);
  try {
    submit_job(loop, nullptr, *call, FutureAccess::state(done));
  } catch (...) {
    job_ = {};
    throw;
  }
  idle_.clear();
}

// In a turn of its own, before that of who waits for it.
void FileState::ended() noexcept {
  const Ref<FileJob> done = std::exchange(job_, {});
  idle_.set();
  switch (done->kind) {
    case FileJob::Kind::fill: ahead_.append(done->data); break;  // there is room
    case FileJob::Kind::write:
      if (has_positions_ && done->result > 0) position_ = done->position;
      break;
    default: break;
  }
  if (done->forsaken) report_forsaken(*done);
}

void FileState::report_forsaken(const FileJob& job) noexcept {
  // What a read cannot read the next one will not, either.
  const bool changes = job.kind == FileJob::Kind::write || job.kind == FileJob::Kind::truncate ||
                       job.kind == FileJob::Kind::sync || job.kind == FileJob::Kind::close;
  if (job.error == 0 || !changes) return;
  try {
    ExceptionContext context;
    context.message =
        fmt::format("an operation of the file {} failed after it was cancelled", name_);
    context.exception = std::make_exception_ptr(
        std::system_error(job.error, std::generic_category(), fmt::format("writing to {}", name_)));
    get_running_loop().call_exception_handler(context);
  } catch (...) {
    // Out of memory while reporting.
  }
}

Coro<> FileState::perform(Ref<FileJob> job) {
  start(job);
  try {
    co_await idle_.wait();
  } catch (...) {
    if (!job->withdraw()) job->forsaken = true;
    throw;
  }
}

Coro<> FileState::perform(const char* who, Ref<FileJob> job) {
  co_await perform(job);
  if (job->error != 0) fail(who, job->error);
}

// --- writing and the rest -----------------------------------------------------------------------

Coro<> FileState::write(Self self, std::string data) {
  const Turn turn = co_await self->turn("write", Wants::writing);
  if (data.empty()) co_return;
  if (self->has_positions_) self->forget_ahead();
  Ref<FileJob> job = self->job(FileJob::Kind::write);
  job->at_position = !self->has_positions_ || self->mode_.appends;
  job->offset = self->position_;
  job->data = std::move(data);
  co_await self->perform(job);
  if (job->error == 0) co_return;
  if (job->result == 0) self->fail("write", job->error);
  sys::throw_errno(job->error, fmt::format("write {}, after {} of {} bytes", self->name_,
                                           job->result, job->data.size()));
}

Coro<std::int64_t> FileState::seek(Self self, std::int64_t offset, int whence) {
  const Turn turn = co_await self->turn("seek", Wants::anything);
  self->check_positions("seek");
  std::int64_t base = 0;
  if (whence == SEEK_CUR) {
    base = self->position_;
  } else if (whence == SEEK_END) {
    Ref<FileJob> job = self->job(FileJob::Kind::size);
    co_await self->perform("seek", job);
    base = job->result;
  } else if (whence != SEEK_SET) {
    throw_invalid_argument(fmt::format(
        "seek(): there is no whence {}; there are SEEK_SET, SEEK_CUR and SEEK_END", whence));
  }
  std::int64_t to = 0;
  if (__builtin_add_overflow(base, offset, &to) || to < 0) {
    throw_invalid_argument(
        fmt::format("seek(): {} from {} on is no place in the file {}", offset, base, self->name_));
  }
  if (to >= self->position_ && to <= self->behind_ahead()) {
    self->skip(static_cast<std::size_t>(to - self->position_));
  } else {
    self->forget_ahead();
    self->position_ = to;
  }
  co_return to;
}

Coro<> FileState::truncate(Self self, std::optional<std::int64_t> size) {
  const Turn turn = co_await self->turn("truncate", Wants::writing);
  if (size && *size < 0) {
    throw_invalid_argument(
        fmt::format("truncate(): a file cannot have {} bytes; the least is 0", *size));
  }
  if (!size) self->check_positions("truncate");
  if (self->has_positions_) self->forget_ahead();
  Ref<FileJob> job = self->job(FileJob::Kind::truncate);
  job->offset = size.value_or(self->position_);
  co_await self->perform("truncate", job);
}

Coro<> FileState::sync(Self self) {
  const Turn turn = co_await self->turn("sync", Wants::anything);
  co_await self->perform("sync", self->job(FileJob::Kind::sync));
}

Coro<std::int64_t> FileState::size(Self self) {
  const Turn turn = co_await self->turn("size", Wants::anything);
  Ref<FileJob> job = self->job(FileJob::Kind::size);
  co_await self->perform("size", job);
  co_return job->result;
}

Coro<> FileState::close(Self self) {
  if (self->closed() && self->turns_ == 0) co_return;
  std::optional<Turn> turn;
  try {
    turn.emplace(co_await self->turn("close", Wants::anything));
  } catch (const RuntimeError&) {
    if (self->closed()) co_return;  // somebody else was before
    throw;
  }
  Ref<FileJob> job = self->job(FileJob::Kind::close);
  self->forget_ahead();
  self->file_ = {};
  co_await self->perform("close", job);
}

}  // namespace asyncio::detail
