#pragma once

#include <asyncio/detail/process_call.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace asyncio::detail {

/// How the frame of a job begins; its arguments follow.
struct JobHead {
  std::uint64_t size = 0;  ///< of the whole frame
  std::uint64_t job = 0;
  ProgramPlace function;
  ProgramPlace target;
  std::uint64_t signature = 0;
};
static_assert(sizeof(JobHead) == frame_head);

/// What a worker says. `ready` and `unusable` come before the first job.
enum class Answer : std::uint8_t {
  value,
  error,    ///< the function has thrown: its type, text and traceback
  refused,  ///< it was not called, or its result cannot be sent: why
  ready,
  unusable,  ///< the initializer has thrown: what
};

/// Where an answer's payload begins: before it are the frame's size, the job's number, the Answer.
inline constexpr std::size_t answer_head = 2 * sizeof(std::uint64_t) + 1;

/// The life of a worker: takes jobs from the socket until that ends.
[[noreturn]] void run_worker(int socket, ProgramPlace initializer) noexcept;

/// Does a job. What it gives is appended to `out`.
Answer do_job(const JobHead& head, std::string_view arguments, std::string& out);

}  // namespace asyncio::detail
