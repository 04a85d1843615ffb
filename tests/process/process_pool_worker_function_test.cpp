// What a worker does with a job that it cannot do: names and bytes that are wrong.

#include "process/worker_function.hpp"

#include <asyncio/process_pool.hpp>

#include "process/worker.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>

using asyncio::detail::Answer;
using asyncio::detail::do_job;
using asyncio::detail::JobHead;
using asyncio::detail::place_of;
using asyncio::detail::ProgramPlace;

namespace {

int twice(int a) { return 2 * a; }

struct Job {
  explicit Job(asyncio::detail::EncodedCall call) : frame(std::move(call.frame)) {
    head.function = place_of(call.function);
    head.target = place_of(call.target);
    head.signature = call.function->signature;
  }
  Answer run(std::size_t left_out = 0) {
    std::string_view arguments = std::string_view(frame).substr(asyncio::detail::frame_head);
    arguments.remove_suffix(left_out);
    out.clear();
    return do_job(head, arguments, out);
  }
  [[nodiscard]] std::string text() const { return asyncio::codec::decode<std::string>(out); }

  JobHead head;
  std::string frame;
  std::string out;
};

Job a_job() { return Job(asyncio::detail::encode_process_call(twice, 21)); }

}  // namespace

TEST(WorkerFunction, IsFoundByItsPlace) {
  Job job = a_job();
  EXPECT_EQ(job.run(), Answer::value);
  EXPECT_EQ(asyncio::codec::decode<int>(job.out), 42);
  EXPECT_EQ(asyncio::detail::code_at(place_of(reinterpret_cast<const void*>(&twice))),
            reinterpret_cast<const void*>(&twice));
}

TEST(WorkerFunction, ThatIsNoneIsRefused) {
  for (const ProgramPlace wrong :
       {ProgramPlace{1, 2}, ProgramPlace{}, ProgramPlace{~0ULL, ~0ULL}}) {
    Job job = a_job();
    job.head.function = wrong;
    EXPECT_EQ(job.run(), Answer::refused);
    EXPECT_NE(job.text().find("no such function"), std::string::npos);
    job = a_job();
    job.head.target = wrong;
    EXPECT_EQ(job.run(), Answer::refused);
  }
}

TEST(WorkerFunction, AtAnyOffsetOfTheProgramIsRefusedUnlessItIsOne) {
  std::mt19937_64 random(1);
  Job job = a_job();
  const ProgramPlace right = job.head.function;
  for (int i = 0; i < 20'000; ++i) {
    job.head.function.offset = i % 2 == 0 ? random() : random() % (right.offset * 2);
    if (job.head.function.offset == right.offset) continue;
    const Answer answer = job.run();
    // Another one of this program has other parameters, or the same.
    EXPECT_TRUE(answer == Answer::refused || answer == Answer::value);
  }
}

TEST(WorkerFunction, OfAnotherSignatureIsRefused) {
  Job job = a_job();
  job.head.signature ^= 1;
  EXPECT_EQ(job.run(), Answer::refused);
  EXPECT_NE(job.text().find("other parameters"), std::string::npos);
}

TEST(WorkerFunction, WithTooFewBytesOfArgumentsIsRefused) {
  Job job = a_job();
  EXPECT_EQ(job.run(1), Answer::refused);
  EXPECT_NE(job.text().find("arguments cannot be read"), std::string::npos) << job.text();
}
