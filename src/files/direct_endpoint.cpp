#include "files/direct_endpoint.hpp"

#include <asyncio/executor.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

namespace asyncio::detail {

DirectEndpoint::DirectEndpoint(LoopState& loop, Ref<OpenFile> file)
    : Endpoint(file->fd()),
      loop_(loop),
      file_(std::move(file)),
      link_(Ref<Link>::adopt(new Link(*this))) {
  ready_[index(Way::read)] = true;
}

DirectEndpoint::~DirectEndpoint() { link_->endpoint = nullptr; }

int DirectEndpoint::release() noexcept { return -1; }  // it is not this one's alone
IoResult DirectEndpoint::accept(sockaddr*, unsigned*) noexcept { return -EOPNOTSUPP; }

IoResult DirectEndpoint::receive(std::span<std::byte> into) noexcept {
  if (job_) return job_is_over_ ? take(into) : would_block;
  if (asks_memory_) {
    const IoResult got = sys::read_cached(fd(), into.data(), into.size(), -1);
    if (got != -EAGAIN && got != -EOPNOTSUPP && got != -ENOSYS) return got;
    asks_memory_ = got == -EAGAIN;
  }
  try {
    begin_job();
  } catch (const std::bad_alloc&) {
    return -ENOMEM;
  } catch (...) {
    return sys::read(fd(), into.data(), into.size());  // there are no threads any more
  }
  exhausted(Way::read);
  return would_block;
}

IoResult DirectEndpoint::take(std::span<std::byte> into) noexcept {
  const std::size_t n = std::min(into.size(), job_->data.size() - given_);
  if (n > 0) std::memcpy(into.data(), job_->data.data() + given_, n);
  given_ += n;
  const IoResult result = job_->error != 0 ? -job_->error : static_cast<IoResult>(n);
  if (given_ == job_->data.size()) job_ = {};
  return result;
}

void DirectEndpoint::begin_job() {
  constexpr std::size_t at_once = std::size_t{256} * 1024;
  auto job = Ref<FileJob>::adopt(new FileJob(FileJob::Kind::fill, file_));
  job->at_position = true;
  job->size = at_once;
  Future<> done(*loop_.loop);
  done.add_done_callback([link = link_] {
    if (link->endpoint != nullptr) link->endpoint->job_ended();
  });
  auto* call = new CallJob<RunFileJob>(RunFileJob(job));
  submit_job(*loop_.loop, nullptr, *call, FutureAccess::state(done));
  job_ = std::move(job);
  given_ = 0;
  job_is_over_ = false;
}

void DirectEndpoint::job_ended() noexcept {
  job_is_over_ = true;
  may_again(Way::read);
}

IoResult DirectEndpoint::send(const iovec* parts, int count) noexcept {
  return sys::write_pipe(fd(), parts, count);
}

void DirectEndpoint::wait(Way way, IoObserver& observer) noexcept {
  if (may(way)) {
    observer.ready(observer);
  } else {
    observers_[index(way)] = &observer;
  }
}

void DirectEndpoint::stop_waiting(Way way) noexcept { observers_[index(way)] = nullptr; }

}  // namespace asyncio::detail
